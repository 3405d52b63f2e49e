//! A batch of nf_tables messages: a small writer of netlink attributes and of the few expressions that [`super::rules`]
//! needs (linux/netfilter/nf_tables.h). All numbers in attributes are big-endian unless said otherwise.

/// NFNL_SUBSYS_NFTABLES in the upper byte of a message's type.
const NF_TABLES: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;

/// NLM_F_REQUEST and NLM_F_ACK.
const REQUEST: u16 = 1;
const ACK: u16 = 4;
/// NLM_F_CREATE, NLM_F_EXCL, NLM_F_APPEND.
pub(super) const CREATE: u16 = 0x400;
pub(super) const EXCLUSIVE: u16 = 0x200;
const APPEND: u16 = 0x800;

const NESTED: u16 = 0x8000;

/// NFTA_LIST_ELEM, NFTA_DATA_VALUE.
const ELEMENT: u16 = 1;
const VALUE: u16 = 1;

/// Bytes of a batch that nobody has sent yet.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    first: u32,
    count: u32,
}

/// A table: its family (NFPROTO_INET 1, NFPROTO_BRIDGE 7) and name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) family: u8,
    pub(super) name: &'static str,
}

/// Where a chain hooks in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hook {
    /// `filter` or `nat`.
    pub(super) kind: &'static str,
    /// NF_INET_PRE_ROUTING 0, NF_INET_POST_ROUTING 4; bridges count alike.
    pub(super) number: u32,
    pub(super) priority: i32,
    /// What happens to packets that no rule decides.
    pub(super) accept: bool,
}

impl Batch {
    /// A batch whose messages are numbered from `first`.
    pub(super) fn new(first: u32) -> Self {
        let mut batch = Self { bytes: Vec::with_capacity(4096), first, count: 0 };
        batch.push(BATCH_BEGIN, 0, REQUEST, 10, |_| ());
        batch
    }

    /// Its bytes, the number of its first message, and how many are acknowledged: all but the first and the last.
    pub(super) fn finish(mut self) -> (Vec<u8>, u32, u32) {
        self.push(BATCH_END, 0, REQUEST, 10, |_| ());
        (self.bytes, self.first, self.count - 2)
    }

    /// Adds a message of nf_tables: NFT_MSG_* and its attributes.
    pub(super) fn message(
        &mut self,
        kind: u16,
        table: Table,
        flags: u16,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        self.push(NF_TABLES | kind, table.family, REQUEST | ACK | flags, 0, attributes);
    }

    fn push(
        &mut self,
        kind: u16,
        family: u8,
        flags: u16,
        resource: u16,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) {
        let start = self.bytes.len();
        let sequence = self.first.wrapping_add(self.count);
        self.count += 1;
        self.bytes.extend(0_u32.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(sequence.to_ne_bytes());
        self.bytes.extend(0_u32.to_ne_bytes());
        // struct nfgenmsg: family, version 0, and for the ends of a batch the subsystem.
        self.bytes.extend([family, 0]);
        self.bytes.extend(resource.to_be_bytes());
        attributes(&mut Attributes { bytes: &mut self.bytes });
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        patch(&mut self.bytes, start, &length.to_ne_bytes());
    }

    /// Makes a table; the batch fails with EEXIST when it is there.
    pub(super) fn table(&mut self, table: Table) {
        self.message(0, table, CREATE | EXCLUSIVE, |a| a.text(1, table.name));
    }

    /// Makes a chain.
    pub(super) fn chain(&mut self, table: Table, name: &str, hook: Hook) {
        self.message(3, table, CREATE, |a| {
            a.text(1, table.name);
            a.text(3, name);
            a.nested(4, |a| {
                a.number(1, hook.number);
                a.number(2, hook.priority.cast_unsigned());
            });
            a.number(5, u32::from(hook.accept));
            a.text(7, hook.kind);
        });
    }

    /// Makes a set of keys of `length` bytes; `kind` is how nft(8) would print them.
    pub(super) fn set(&mut self, table: Table, name: &str, kind: u32, length: u32, id: u32) {
        self.message(9, table, CREATE, |a| {
            a.text(1, table.name);
            a.text(2, name);
            a.number(3, 0);
            a.number(4, kind);
            a.number(5, length);
            a.number(10, id);
        });
    }

    /// Adds elements to a set, or removes them.
    pub(super) fn elements(&mut self, table: Table, set: &str, keys: &[Vec<u8>], add: bool) {
        let (kind, flags) = if add { (12, CREATE) } else { (14, 0) };
        self.message(kind, table, flags, |a| {
            a.text(1, table.name);
            a.text(2, set);
            a.nested(3, |a| {
                for key in keys {
                    a.nested(ELEMENT, |a| a.nested(1, |a| a.bytes(VALUE, key)));
                }
            });
        });
    }

    /// Adds a rule at the end of a chain.
    pub(super) fn rule(&mut self, table: Table, chain: &str, expressions: impl FnOnce(&mut Rule<'_, '_>)) {
        self.message(6, table, CREATE | APPEND, |a| {
            a.text(1, table.name);
            a.text(2, chain);
            a.nested(4, |a| expressions(&mut Rule { attributes: a }));
        });
    }
}

/// Attributes of a message or of another attribute.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Attributes<'_> {
    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |bytes| bytes.extend(value));
    }

    /// Text with its NUL.
    pub(super) fn text(&mut self, kind: u16, value: &str) {
        self.attribute(kind, |bytes| {
            bytes.extend(value.as_bytes());
            bytes.push(0);
        });
    }

    pub(super) fn number(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(super) fn nested(&mut self, kind: u16, inner: impl FnOnce(&mut Attributes<'_>)) {
        self.attribute(kind | NESTED, |bytes| inner(&mut Attributes { bytes }));
    }

    /// Length and type, the value, and zeros up to a multiple of four.
    fn attribute(&mut self, kind: u16, value: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend([0, 0]);
        self.bytes.extend(kind.to_ne_bytes());
        value(self.bytes);
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        patch(self.bytes, start, &length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn patch(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// A register of 16 bytes: 1 to 4. The same space in steps of four bytes is 8 to 23, so that register 2 is 12 to 15.
pub(super) type Register = u32;

/// What meta expressions load (NFT_META_*).
#[derive(Debug, Clone, Copy)]
pub(super) enum Meta {
    InterfaceIn = 6,
    InterfaceOut = 7,
    Family = 15,
    Layer4 = 16,
}

/// From where a payload's offset counts (NFT_PAYLOAD_*).
#[derive(Debug, Clone, Copy)]
pub(super) enum Header {
    Link = 0,
    Network = 1,
    Transport = 2,
}

/// The expressions of a rule, in order: each must hold for the next to be looked at.
#[derive(Debug)]
pub(super) struct Rule<'a, 'b> {
    attributes: &'a mut Attributes<'b>,
}

impl Rule<'_, '_> {
    fn expression(&mut self, name: &str, data: impl FnOnce(&mut Attributes<'_>)) {
        self.attributes.nested(ELEMENT, |a| {
            a.text(1, name);
            a.nested(2, data);
        });
    }

    pub(super) fn meta(&mut self, key: Meta, to: Register) {
        self.expression("meta", |a| {
            a.number(2, key as u32);
            a.number(1, to);
        });
    }

    /// Sets the packet's mark; `value` in the machine's byte order.
    pub(super) fn set_mark(&mut self, value: u32) {
        self.immediate(1, &value.to_ne_bytes());
        self.expression("meta", |a| {
            a.number(2, 3);
            a.number(3, 1);
        });
    }

    pub(super) fn payload(&mut self, header: Header, offset: u32, length: u32, to: Register) {
        self.expression("payload", |a| {
            a.number(1, to);
            a.number(2, header as u32);
            a.number(3, offset);
            a.number(4, length);
        });
    }

    pub(super) fn equals(&mut self, register: Register, value: &[u8]) {
        self.expression("cmp", |a| {
            a.number(1, register);
            a.number(2, 0);
            a.nested(3, |a| a.bytes(VALUE, value));
        });
    }

    pub(super) fn is_in(&mut self, set: &str, register: Register) {
        self.expression("lookup", |a| {
            a.text(1, set);
            a.number(2, register);
        });
    }

    pub(super) fn immediate(&mut self, to: Register, value: &[u8]) {
        self.expression("immediate", |a| {
            a.number(1, to);
            a.nested(2, |a| a.bytes(VALUE, value));
        });
    }

    pub(super) fn accept(&mut self) {
        self.verdict(1);
    }

    pub(super) fn discard(&mut self) {
        self.verdict(0);
    }

    fn verdict(&mut self, code: u32) {
        self.expression("immediate", |a| {
            a.number(1, 0);
            a.nested(2, |a| a.nested(2, |a| a.number(1, code)));
        });
    }

    /// Holds if the packet belongs to a socket here that is transparent (IP_TRANSPARENT).
    pub(super) fn belongs_to_transparent_socket(&mut self) {
        self.expression("socket", |a| {
            a.number(1, 0);
            a.number(2, 1);
        });
        self.equals(1, &[1]);
    }

    /// The packet is not followed as part of a connection.
    pub(super) fn do_not_track(&mut self) {
        self.expression("notrack", |_| {});
    }

    /// Replaces the source by the address of the interface that it leaves by; the source port by one of the range.
    pub(super) fn masquerade(&mut self, ports: Option<(u16, u16)>) {
        if let Some((low, high)) = ports {
            self.immediate(1, &low.to_be_bytes());
            self.immediate(2, &high.to_be_bytes());
        }
        self.expression("masq", |a| {
            if ports.is_some() {
                // NF_NAT_RANGE_PROTO_SPECIFIED
                a.number(1, 2);
                a.number(2, 1);
                a.number(3, 2);
            }
        });
    }
}

/// An interface's name as registers hold it.
pub(super) fn name16(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    bytes
}

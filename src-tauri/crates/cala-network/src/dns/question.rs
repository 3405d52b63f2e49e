//! Reading a question and making an answer: where `hickory-proto` is.

use std::net::IpAddr;

use cala_spec::network::DNS_DOMAIN;
use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::name::QuestionName;
use super::wire;
use super::zone::Finding;

/// What a client without EDNS can receive (RFC 1035 §2.3.4).
const PLAIN_SIZE: usize = 512;

/// The size that we announce: no fragments on any usual link (dnsflagday.net/2020).
const OUR_SIZE: u16 = 1232;

/// Records in one answer at most: they fit into one message over TCP.
const MAX_RECORDS: usize = 1500;

/// Seconds: an answer is true now, and the next one may be another.
const TTL: u32 = 0;

/// A question that was understood.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) name: QuestionName,
    query: Query,
    metadata: Metadata,
    edns: Option<Edns>,
}

/// A message that is no question for us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Not even a question: no answer, or two servers could keep each other busy.
    Ignored,
    /// This is the answer.
    Answered(Vec<u8>),
}

/// Who is responsible for the names that we answer.
#[derive(Debug)]
pub(super) struct Authority {
    apex: Name,
    soa: RData,
}

impl Authority {
    pub(super) fn new() -> Self {
        let name = |labels: &[&str]| Name::from_labels(labels.iter().copied()).unwrap_or_default();
        let labels: Vec<&str> = DNS_DOMAIN.split('.').collect();
        let apex = name(&labels);
        let responsible = apex.prepend_label("hostmaster").unwrap_or_default();
        let soa = RData::SOA(SOA::new(apex.clone(), responsible, 1, 3600, 600, 86_400, TTL));
        Self { apex, soa }
    }

    /// The record that goes with "no such name" and "nothing of that type".
    fn record(&self, question: &Question) -> Record {
        // For single labels we speak in the place of the root.
        let owner = if self.apex.zone_of(question.query.name()) { self.apex.clone() } else { Name::root() };
        Record::from_rdata(owner, TTL, self.soa.clone())
    }
}

impl Question {
    /// Reads a message.
    pub(super) fn read(message: &[u8]) -> Result<Self, Unreadable> {
        let counts = wire::counts(message).ok_or(Unreadable::Ignored)?;
        if wire::is_response(message) {
            return Err(Unreadable::Ignored);
        }
        // Checked before it is decoded, so that nobody makes us reserve room for 65,535 questions.
        let plain = matches!(counts, [1, 0, 0, 0..=2]) && wire::question_end(message).is_some();
        let decoded = plain.then(|| Message::from_vec(message).ok()).flatten();
        let Some(decoded) = decoded else {
            let operation = message.get(2).map_or(0, |flags| flags >> 3 & 0x0f);
            let code = if operation == 0 { ResponseCode::FormErr } else { ResponseCode::NotImp };
            return Err(failure(wire::id(message), OpCode::from_u8(operation), code));
        };
        let metadata = decoded.metadata;
        if metadata.op_code != OpCode::Query {
            return Err(failure(metadata.id, metadata.op_code, ResponseCode::NotImp));
        }
        let query = decoded.queries.into_iter().next().ok_or(Unreadable::Ignored)?;
        let question = Self { name: QuestionName::of(query.name()), query, metadata, edns: decoded.edns };
        match question.unsupported() {
            Some(code) => Err(Unreadable::Answered(question.failed(code))),
            None => Ok(question),
        }
    }

    fn unsupported(&self) -> Option<ResponseCode> {
        if self.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return Some(ResponseCode::BADVERS);
        }
        let refused = self.query.query_class() != DNSClass::IN
            || matches!(self.query.query_type(), RecordType::AXFR | RecordType::IXFR);
        refused.then_some(ResponseCode::Refused)
    }

    /// Whether the client announced EDNS.
    pub(super) fn has_edns(&self) -> bool {
        self.edns.is_some()
    }

    /// Bytes of the longest answer over UDP.
    pub(super) fn udp_size(&self) -> usize {
        self.edns.as_ref().map_or(PLAIN_SIZE, |edns| usize::from(edns.max_payload()).max(PLAIN_SIZE))
    }

    /// The answer for what was found here; `turn` says which address comes first. The findings that are for others to
    /// answer are failures here.
    pub(super) fn answer(&self, finding: &Finding, authority: &Authority, turn: usize) -> Vec<u8> {
        let mut message = self.response(ResponseCode::NoError);
        message.metadata.authoritative = true;
        match finding {
            Finding::Addresses(addresses) => message.answers = self.addresses(addresses, turn),
            Finding::Pointer(name) => message.answers.extend(self.pointer(name)),
            Finding::Missing => message.metadata.response_code = ResponseCode::NXDomain,
            Finding::Empty if self.query.query_type() == RecordType::SOA => {
                message.answers.push(authority.record(self));
            }
            Finding::Empty => {}
            Finding::Refused => return self.failed(ResponseCode::Refused),
            Finding::Host | Finding::Elsewhere => return self.failed(ResponseCode::ServFail),
        }
        if message.answers.is_empty() {
            message.authorities.push(authority.record(self));
        }
        encode(&message)
    }

    /// The answer for somebody who could not be told anything.
    pub(super) fn server_failure(&self) -> Vec<u8> {
        self.failed(ResponseCode::ServFail)
    }

    fn failed(&self, code: ResponseCode) -> Vec<u8> {
        encode(&self.response(code))
    }

    fn response(&self, code: ResponseCode) -> Message {
        let mut message = Message::new(self.metadata.id, MessageType::Response, OpCode::Query);
        message.metadata = Metadata::response_from_request(&self.metadata);
        message.metadata.recursion_available = true;
        message.metadata.checking_disabled = false;
        message.metadata.response_code = code;
        message.queries.push(self.query.clone());
        if let Some(asked) = &self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(OUR_SIZE).set_version(0).set_dnssec_ok(asked.flags().dnssec_ok);
            message.edns = Some(edns);
        }
        message
    }

    fn addresses(&self, addresses: &[IpAddr], turn: usize) -> Vec<Record> {
        let wanted = self.query.query_type();
        let data = |address: &IpAddr| match address {
            IpAddr::V4(v4) => matches!(wanted, RecordType::A | RecordType::ANY).then(|| RData::A(A(*v4))),
            IpAddr::V6(v6) => {
                matches!(wanted, RecordType::AAAA | RecordType::ANY).then(|| RData::AAAA(AAAA(*v6)))
            }
        };
        let record = |data| Record::from_rdata(self.query.name().clone(), TTL, data);
        let mut records: Vec<Record> =
            addresses.iter().filter_map(data).take(MAX_RECORDS).map(record).collect();
        if let Some(first) = turn.checked_rem(records.len()) {
            records.rotate_left(first);
        }
        records
    }

    fn pointer(&self, name: &str) -> Option<Record> {
        let wanted = matches!(self.query.query_type(), RecordType::PTR | RecordType::ANY);
        let target = Name::from_labels(name.split('.').map(str::as_bytes)).ok().filter(|_| wanted)?;
        Some(Record::from_rdata(self.query.name().clone(), TTL, RData::PTR(PTR(target))))
    }
}

fn failure(id: u16, operation: OpCode, code: ResponseCode) -> Unreadable {
    Unreadable::Answered(encode(&Message::error_msg(id, operation, code)))
}

/// Names and records are ours and well-formed, so this does not fail; an empty message is not sent.
fn encode(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap_or_default()
}

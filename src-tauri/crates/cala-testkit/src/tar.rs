//! A plain tar writer: what tests put into layers, hostile entries included, byte for byte as asked.

/// Writes ustar entries without judging them.
#[derive(Debug, Default, Clone)]
pub struct TarBuilder {
    bytes: Vec<u8>,
}

/// The fields of one entry.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Path as it stands in the header, at most 100 bytes.
    pub path: &'a str,
    /// Type flag: `b'0'` file, `b'1'` hard link, `b'2'` symlink, `b'3'`/`b'4'` device, `b'5'` folder, `b'6'` fifo.
    pub kind: u8,
    /// Mode bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Link target.
    pub link: &'a str,
    /// Content.
    pub content: &'a [u8],
    /// Modification time, seconds.
    pub mtime: u64,
}

impl Default for Entry<'_> {
    fn default() -> Self {
        Self {
            path: "",
            kind: b'0',
            mode: 0o644,
            owner: (0, 0),
            link: "",
            content: &[],
            mtime: 1_700_000_000,
        }
    }
}

impl TarBuilder {
    /// Adds an entry.
    #[must_use]
    pub fn entry(mut self, entry: &Entry<'_>) -> Self {
        self.bytes.extend(header(entry));
        self.bytes.extend(entry.content);
        let end = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(end, 0);
        self
    }

    /// Adds a PAX extended header that applies to the next entry.
    #[must_use]
    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        let body: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.entry(&Entry { path: "PaxHeaders/x", kind: b'x', content: body.as_bytes(), ..Entry::default() })
    }

    /// Ends the archive with two empty blocks.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }
}

fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

fn header(entry: &Entry<'_>) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, entry.path.as_bytes());
    put(100, format!("{:07o}", entry.mode).as_bytes());
    put(108, format!("{:07o}", entry.owner.0).as_bytes());
    put(116, format!("{:07o}", entry.owner.1).as_bytes());
    put(124, format!("{:011o}", entry.content.len()).as_bytes());
    put(136, format!("{:011o}", entry.mtime).as_bytes());
    put(148, b"        ");
    put(157, entry.link.as_bytes());
    put(257, b"ustar\x0000");
    block[156] = entry.kind;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

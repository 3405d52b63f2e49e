//! Messages as bytes: what is forwarded is not made anew, so that nothing in it is lost (RFC 1035 §4.1).

/// Bytes of a message's header.
pub(super) const HEADER: usize = 12;

/// Bytes of the longest message.
pub(super) const LONGEST: usize = 65_535;

/// In the third byte: it is a response; it was cut.
const RESPONSE: u8 = 0x80;
const TRUNCATED: u8 = 0x02;

/// An OPT record without options: root name, type 41, size 1232, no flags (RFC 6891 §6.1.2).
const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];

/// Response codes that another server may know better.
const SERVER_FAILURE: u8 = 2;
const NOT_IMPLEMENTED: u8 = 4;
const REFUSED: u8 = 5;

/// The id; 0 for less than a header.
pub(super) fn id(message: &[u8]) -> u16 {
    message.first_chunk().map_or(0, |id| u16::from_be_bytes(*id))
}

pub(super) fn set_id(message: &mut [u8], id: u16) {
    if let Some(place) = message.first_chunk_mut() {
        *place = id.to_be_bytes();
    }
}

pub(super) fn is_response(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & RESPONSE != 0)
}

pub(super) fn is_truncated(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & TRUNCATED != 0)
}

/// How many questions, answers, authorities and additional records the header announces.
pub(super) fn counts(message: &[u8]) -> Option<[u16; 4]> {
    let bytes = message.get(4..HEADER)?;
    let mut counts = [0; 4];
    for (count, pair) in counts.iter_mut().zip(bytes.chunks_exact(2)) {
        *count = u16::from_be_bytes(pair.try_into().ok()?);
    }
    Some(counts)
}

/// Whether another server should be asked after this response.
pub(super) fn is_failure(message: &[u8]) -> bool {
    let code = message.get(3).map_or(SERVER_FAILURE, |flags| flags & 0x0f);
    matches!(code, SERVER_FAILURE | NOT_IMPLEMENTED | REFUSED)
}

/// Where the one question of a message ends.
pub(super) fn question_end(message: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        match length {
            0 => break,
            1..=63 => at += length,
            // A pointer ends a name; in a first name it can only lead into the header, and nobody means that.
            _ => return None,
        }
    }
    let end = at + 4;
    (end <= message.len()).then_some(end)
}

/// Whether this is a response to a question that was sent with this id.
pub(super) fn answers(response: &[u8], question: &[u8], sent_id: u16) -> bool {
    let same_question = || {
        let end = question_end(question)?;
        let asked = question.get(HEADER..end)?;
        Some(response.get(HEADER..end)?.eq_ignore_ascii_case(asked))
    };
    is_response(response)
        && id(response) == sent_id
        && counts(response).is_some_and(|counts| counts[0] == 1)
        && same_question() == Some(true)
}

/// A response without its records, marked as cut: whoever gets it asks again over TCP.
pub(super) fn cut(response: &[u8], edns: bool) -> Vec<u8> {
    let end = question_end(response).unwrap_or(HEADER).min(response.len());
    let mut short = response.get(..end).unwrap_or_default().to_vec();
    if let Some(flags) = short.get_mut(2) {
        *flags |= TRUNCATED;
    }
    if let Some(counts) = short.get_mut(6..HEADER) {
        counts.fill(0);
        if let (true, Some(additional)) = (edns, counts.last_mut()) {
            *additional = 1;
        }
    }
    if edns {
        short.extend_from_slice(&OPT);
    }
    short
}

/// A message with its length before it, as over TCP (RFC 1035 §4.2.2).
pub(super) fn with_length(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 2);
    bytes.extend_from_slice(&u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// The first complete message of a stream, and how many bytes it takes with its length.
pub(super) fn first_message(stream: &[u8]) -> Option<(&[u8], usize)> {
    let length = usize::from(u16::from_be_bytes(*stream.first_chunk()?));
    let end = 2 + length;
    Some((stream.get(2..end)?, end))
}

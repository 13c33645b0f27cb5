//! What is read of STUN messages before str0m authenticates them (RFC 8489).
//!
//! Any bytes are allowed everywhere.

const HEADER_BYTES: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];

const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;
const ICE_CONTROLLING: u16 = 0x802a;

/// What tells one request from another (RFC 8489, section 5).
pub(crate) type TransactionId = [u8; 12];

/// A connectivity check (RFC 8445, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check<'a> {
    pub(crate) id: TransactionId,
    /// The ufrags of its receiver and of its sender.
    pub(crate) receiver: &'a str,
    pub(crate) sender: &'a str,
    /// Whether it says that this pair of addresses is the one to use.
    pub(crate) nominates: bool,
    /// Whether its sender is the one who decides on that.
    pub(crate) is_controlling: bool,
}

/// Tells whether a datagram is STUN (RFC 7983, section 7 and the magic cookie of RFC 8489).
pub(crate) fn is_stun(contents: &[u8]) -> bool {
    contents.len() >= HEADER_BYTES && contents[0] < 4 && contents[4..8] == COOKIE
}

/// Reads the receiver's half of a request's USERNAME (RFC 8445, section 7.2.2).
pub(crate) fn receiver_ufrag(contents: &[u8]) -> Option<&str> {
    let name = attribute(contents, USERNAME)?;
    std::str::from_utf8(name).ok()?.split(':').next()
}

/// Reads a connectivity check.
pub(crate) fn read_check(contents: &[u8]) -> Option<Check<'_>> {
    if !contents.starts_with(&BINDING_REQUEST) {
        return None;
    }
    let name = std::str::from_utf8(attribute(contents, USERNAME)?).ok()?;
    let (receiver, sender) = name.split_once(':')?;
    Some(Check {
        id: transaction_id(contents)?,
        receiver,
        sender,
        nominates: attribute(contents, USE_CANDIDATE).is_some(),
        is_controlling: attribute(contents, ICE_CONTROLLING).is_some(),
    })
}

/// Reads which check a datagram answers with success.
pub(crate) fn read_success(contents: &[u8]) -> Option<TransactionId> {
    let is_success = contents.starts_with(&BINDING_SUCCESS) && is_stun(contents);
    is_success.then(|| transaction_id(contents)).flatten()
}

fn transaction_id(contents: &[u8]) -> Option<TransactionId> {
    contents.get(8..HEADER_BYTES)?.try_into().ok()
}

/// Finds an attribute (RFC 8489, section 14).
fn attribute(contents: &[u8], wanted: u16) -> Option<&[u8]> {
    if !is_stun(contents) {
        return None;
    }
    let mut rest = &contents[HEADER_BYTES..];
    while let Some((header, tail)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if kind == wanted {
            return tail.get(..length);
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{
        BINDING_REQUEST, BINDING_SUCCESS, COOKIE, ICE_CONTROLLING, USE_CANDIDATE, USERNAME,
    };

    /// Writes a check from `sender` to `receiver`, which nominates or not.
    pub(crate) fn check(
        id: u8,
        (receiver, sender): (&str, &str),
        nominates: bool,
        is_controlling: bool,
    ) -> Vec<u8> {
        let mut bytes = head(BINDING_REQUEST, id);
        // An attribute of 5 bytes comes first, so that padding is walked over.
        push(&mut bytes, 0x8022, &[1, 2, 3, 4, 5]);
        push(
            &mut bytes,
            USERNAME,
            format!("{receiver}:{sender}").as_bytes(),
        );
        if is_controlling {
            push(&mut bytes, ICE_CONTROLLING, &[0; 8]);
        }
        if nominates {
            push(&mut bytes, USE_CANDIDATE, &[]);
        }
        bytes
    }

    /// Writes the answer to a check.
    pub(crate) fn success(id: u8) -> Vec<u8> {
        head(BINDING_SUCCESS, id)
    }

    fn head(kind: [u8; 2], id: u8) -> Vec<u8> {
        [&kind[..], &[0, 0], &COOKIE, &[id; 12]].concat()
    }

    fn push(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{check, success};
    use super::*;

    #[test]
    fn a_check_tells_for_whom_it_is_and_what_it_decides() {
        let bytes = check(7, ("ours", "theirs"), true, false);

        let read = read_check(&bytes).unwrap();

        assert_eq!((read.receiver, read.sender), ("ours", "theirs"));
        assert_eq!(
            (read.id, read.nominates, read.is_controlling),
            ([7; 12], true, false)
        );
        assert_eq!(receiver_ufrag(&bytes), Some("ours"));
        assert_eq!(read_success(&bytes), None);
        let plain = check(7, ("ours", "theirs"), false, true);
        let plain = read_check(&plain).unwrap();
        assert_eq!((plain.nominates, plain.is_controlling), (false, true));
    }

    #[test]
    fn an_answer_tells_which_check_it_is_for() {
        assert_eq!(read_success(&success(9)), Some([9; 12]));
        assert_eq!(read_check(&success(9)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 20..200)) {
            for kind in [BINDING_REQUEST, BINDING_SUCCESS] {
                bytes[..2].copy_from_slice(&kind);
                bytes[4..8].copy_from_slice(&COOKIE);
                receiver_ufrag(&bytes);
                read_check(&bytes);
                read_success(&bytes);
                read_success(&bytes[..12]);
            }
        }
    }
}

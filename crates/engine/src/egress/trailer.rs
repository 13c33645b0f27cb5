//! What some publishers append to each of their frames: `LiveKit`'s packet trailer.
//!
//! It stands behind the encoded frame and ends with its own length, inverted, and the letters `LKTS`. A
//! client that doesn't know it would feed it to its decoder.

/// How every trailer ends.
const ENDING: [u8; 4] = *b"LKTS";

/// Its length, counting all of it, stands before the ending with its bits inverted.
const ENVELOPE_BYTES: usize = ENDING.len() + 1;

/// Gives how many bytes at the end of a payload are a trailer: 0 if there is none. A trailer that is longer
/// than the payload began in the packet before, and stays.
pub(super) fn length(payload: &[u8]) -> usize {
    let Some(([.., length], ending)) = payload.split_last_chunk() else {
        return 0;
    };
    let length = usize::from(!length);
    let is_trailer = *ending == ENDING && (ENVELOPE_BYTES..=payload.len()).contains(&length);
    if is_trailer { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_trailer_is_found_at_the_end_only_and_by_its_own_length() {
        let whole = [b"frame", &[0xfe, 0xfd, !7][..], b"LKTS"].concat();
        let short = [b"frame", &[!4][..], b"LKTS"].concat();
        let long = [b"frame", &[!200][..], b"LKTS"].concat();

        assert_eq!(length(&whole), 7);
        assert_eq!(length(&whole[..whole.len() - 1]), 0);
        assert_eq!(length(&short), 0);
        assert_eq!(length(&long), 0);
        assert_eq!(length(b"LKTS"), 0);
        assert_eq!(length(b""), 0);
    }

    proptest! {
        #[test]
        fn no_more_is_cut_than_there_is(
            mut payload in prop::collection::vec(any::<u8>(), 0..40),
            is_trailer: bool,
        ) {
            if is_trailer {
                payload.extend(ENDING);
            }
            let cut = length(&payload);
            prop_assert!(cut <= payload.len());
            prop_assert!(cut == 0 || payload.ends_with(&ENDING));
        }
    }
}

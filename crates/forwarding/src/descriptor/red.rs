//! Redundant sound (RFC 2198): a packet that repeats the ones before it.
//!
//! First come the headers of all blocks, then the blocks in the same order; the last block is what the
//! packet is about (the *primary* one), those before it are older.
//!
//! Invariants:
//! - any bytes at all are read without a panic, and no block that is given reaches beyond them;
//! - nothing is copied or allocated.

use super::DescriptorError;

/// Set in all headers but that of the primary block.
const IS_REPEATED: u8 = 0x80;
const TYPE_MASK: u8 = 0x7f;

const REPEATED_HEADER_BYTES: usize = 4;
const PRIMARY_HEADER_BYTES: usize = 1;

/// Repeated blocks that are read at most: libwebrtc sends nine at most, and one mostly.
pub const REPEATED_MAX: usize = 9;

/// One block of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedBlock<'a> {
    /// The payload type of its codec.
    pub payload_type: u8,
    /// How much earlier than the packet's its timestamp is; 0 for the primary block.
    pub age: u32,
    /// The encoded sound.
    pub payload: &'a [u8],
}

/// Where the parts of a packet with redundancy lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedLayout {
    repeated: u8,
    primary_at: u16,
}

/// Reads the block headers at the start of an RTP payload (RFC 2198, section 3).
///
/// # Errors
///
/// [`DescriptorError`] if headers or blocks end too early, or if there are more than [`REPEATED_MAX`]
/// repeated blocks. Drop such a packet.
pub fn parse_red(payload: &[u8]) -> Result<RedLayout, DescriptorError> {
    let mut repeated = 0_u8;
    let mut blocks_bytes = 0;
    loop {
        let at = usize::from(repeated) * REPEATED_HEADER_BYTES;
        let header = payload.get(at..).ok_or(DescriptorError::Truncated)?;
        let first = header.first().ok_or(DescriptorError::Truncated)?;
        if first & IS_REPEATED == 0 {
            let primary_at = at + PRIMARY_HEADER_BYTES + blocks_bytes;
            let is_whole = primary_at <= payload.len();
            let primary_at = u16::try_from(primary_at).ok().filter(|_| is_whole);
            return Ok(RedLayout {
                repeated,
                primary_at: primary_at.ok_or(DescriptorError::Truncated)?,
            });
        }
        if usize::from(repeated) == REPEATED_MAX {
            return Err(DescriptorError::TooMany {
                what: "repeated blocks",
                max: REPEATED_MAX,
            });
        }
        let header = header.first_chunk().ok_or(DescriptorError::Truncated)?;
        blocks_bytes += usize::from(length(*header));
        repeated += 1;
    }
}

impl RedLayout {
    /// Gives where the primary block begins; it reaches to the end. Never 0.
    #[must_use]
    pub fn primary_at(self) -> u16 {
        self.primary_at
    }

    /// Counts the blocks before the primary one.
    #[must_use]
    pub fn repeated(self) -> u8 {
        self.repeated
    }

    /// Gives the blocks of the payload that this was read of, the oldest first, the primary one last.
    #[must_use]
    pub fn blocks(self, payload: &[u8]) -> impl DoubleEndedIterator<Item = RedBlock<'_>> {
        let header = move |index: u8| {
            let at = usize::from(index) * REPEATED_HEADER_BYTES;
            payload.get(at..).unwrap_or_default()
        };
        let repeated = move |index: u8| {
            header(index)
                .first_chunk::<REPEATED_HEADER_BYTES>()
                .copied()
        };
        let headers_bytes =
            usize::from(self.repeated) * REPEATED_HEADER_BYTES + PRIMARY_HEADER_BYTES;
        (0..=self.repeated).filter_map(move |index| {
            let before = (0..index).filter_map(repeated);
            let start = headers_bytes + before.map(|one| usize::from(length(one))).sum::<usize>();
            let payload_type = header(index).first()? & TYPE_MASK;
            if index == self.repeated {
                return Some(RedBlock {
                    payload_type,
                    age: 0,
                    payload: payload.get(start..)?,
                });
            }
            let fields = repeated(index)?;
            Some(RedBlock {
                payload_type,
                age: age(fields),
                payload: payload.get(start..start + usize::from(length(fields)))?,
            })
        })
    }

    /// Writes `payload_type` (below 128) into all headers: receivers may number the codec otherwise.
    pub fn set_payload_type(self, payload: &mut [u8], payload_type: u8) {
        for index in 0..=self.repeated {
            let at = usize::from(index) * REPEATED_HEADER_BYTES;
            if let Some(first) = payload.get_mut(at) {
                *first = (*first & IS_REPEATED) | (payload_type & TYPE_MASK);
            }
        }
    }
}

/// The lower 10 bits of a header.
fn length(header: [u8; REPEATED_HEADER_BYTES]) -> u16 {
    u16::from_be_bytes([header[2], header[3]]) & 0x03ff
}

/// The 14 bits between payload type and length.
fn age(header: [u8; REPEATED_HEADER_BYTES]) -> u32 {
    u32::from(u16::from_be_bytes([header[1], header[2]]) >> 2)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::IS_REPEATED;

    /// Writes a packet of repeated blocks (age and payload) and a primary one.
    pub(crate) fn write(payload_type: u8, repeated: &[(u16, Vec<u8>)], primary: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (age, block) in repeated {
            let length = u32::try_from(block.len()).unwrap();
            bytes.push(IS_REPEATED | payload_type);
            bytes.extend_from_slice(&((u32::from(*age) << 10) | length).to_be_bytes()[1..]);
        }
        bytes.push(payload_type);
        for (_, block) in repeated {
            bytes.extend_from_slice(block);
        }
        bytes.extend_from_slice(primary);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::write;
    use super::*;

    #[test]
    fn a_packet_of_chromium_with_one_repeated_block_is_read() {
        // Opus as 111, 960 ticks (20 ms) earlier, 3 bytes.
        let bytes = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5];

        let layout = parse_red(&bytes).unwrap();

        let blocks: Vec<_> = layout.blocks(&bytes).collect();
        assert_eq!(layout.primary_at(), 8);
        assert_eq!(blocks[0].payload, [1, 2, 3]);
        assert_eq!((blocks[0].age, blocks[0].payload_type), (960, 111));
        assert_eq!(blocks[1].payload, [4, 5]);
        assert_eq!((blocks[1].age, blocks[1].payload_type), (0, 111));
    }

    #[test]
    fn packets_that_end_too_early_are_refused() {
        for bytes in [
            &[][..],
            &[0xef],
            &[0xef, 0, 0],
            &[0xef, 0x0f, 0x00, 0x03],
            &[0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2],
        ] {
            assert_eq!(parse_red(bytes), Err(DescriptorError::Truncated));
        }
        // A header alone is a whole packet: silence.
        assert_eq!(parse_red(&[0x6f]).map(RedLayout::primary_at), Ok(1));
    }

    #[test]
    fn endless_headers_are_refused() {
        let bytes = [0xef, 0, 0, 0].repeat(100);

        assert!(matches!(
            parse_red(&bytes),
            Err(DescriptorError::TooMany { max: 9, .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_no_block_reaches_beyond_them(
            mut bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xef), Just(0)], 0..80),
        ) {
            if let Ok(layout) = parse_red(&bytes) {
                let blocks: Vec<_> = layout.blocks(&bytes).collect();
                let whole = blocks.iter().map(|block| block.payload.len()).sum::<usize>();
                prop_assert_eq!(blocks.len(), usize::from(layout.repeated) + 1);
                prop_assert_eq!(whole + 4 * (blocks.len() - 1) + 1, bytes.len());
                let primary = blocks.last().unwrap().payload;
                prop_assert_eq!(primary, &bytes[usize::from(layout.primary_at())..]);
                layout.set_payload_type(&mut bytes, 99);
                prop_assert_eq!(parse_red(&bytes), Ok(layout));
                prop_assert!(layout.blocks(&bytes).all(|block| block.payload_type == 99));
            }
        }

        #[test]
        fn what_was_written_is_read(
            repeated in prop::collection::vec(
                (0_u16..1 << 14, prop::collection::vec(any::<u8>(), 0..100)), 0..=REPEATED_MAX,
            ),
            primary in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let bytes = write(111, &repeated, &primary);
            let layout = parse_red(&bytes).unwrap();
            let blocks: Vec<_> = layout.blocks(&bytes).collect();
            for ((age, payload), block) in repeated.iter().zip(&blocks) {
                prop_assert_eq!((u32::from(*age), &payload[..]), (block.age, block.payload));
            }
            prop_assert_eq!(blocks.last().unwrap().payload, &primary[..]);
        }
    }
}

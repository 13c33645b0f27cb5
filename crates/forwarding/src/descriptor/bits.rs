//! Bits, most significant first, in and out of byte slices.

use super::{DescriptorError, WriteDescriptorError};

/// Reads bits from a slice.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Tells how many bits were read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn bit(&mut self) -> Result<bool, DescriptorError> {
        let byte = self
            .bytes
            .get(self.position / 8)
            .ok_or(DescriptorError::Truncated)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Ok(bit == 1)
    }

    /// Reads an unsigned number of `count` bits, 32 at most.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32, DescriptorError> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Ok(value)
    }

    /// Reads an unsigned number of `count` bits, 8 at most.
    pub(super) fn small(&mut self, count: u32) -> Result<u8, DescriptorError> {
        u8::try_from(self.bits(count)?).map_err(|_| DescriptorError::Malformed)
    }

    /// Reads an unsigned number of `count` bits, 16 at most.
    pub(super) fn medium(&mut self, count: u32) -> Result<u16, DescriptorError> {
        u16::try_from(self.bits(count)?).map_err(|_| DescriptorError::Malformed)
    }

    /// Reads an unsigned number in the code `ue(v)` of ITU-T H.264, 9.1; signed numbers have as many bits.
    pub(super) fn exp_golomb(&mut self) -> Result<u32, DescriptorError> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return Err(DescriptorError::Malformed);
            }
        }
        Ok((1 << zeros) - 1 + self.bits(zeros)?)
    }

    /// Reads a number below `values` in the non-symmetric code `ns(n)` of the AV1 RTP
    /// specification, A.4.1.
    pub(super) fn non_symmetric(&mut self, values: u32) -> Result<u32, DescriptorError> {
        let width = u32::BITS - values.leading_zeros();
        let short_codes = (1 << width) - values;
        let value = self.bits(width - 1)?;
        if value < short_codes {
            return Ok(value);
        }
        Ok((value << 1) - short_codes + u32::from(self.bit()?))
    }
}

/// Writes bits into a slice, which it clears byte by byte as it goes.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    bytes: &'a mut [u8],
    position: usize,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Tells how many bytes were begun.
    pub(super) fn len_bytes(&self) -> usize {
        self.position.div_ceil(8)
    }

    pub(super) fn bit(&mut self, bit: bool) -> Result<(), WriteDescriptorError> {
        let capacity_bytes = self.bytes.len();
        let byte = self
            .bytes
            .get_mut(self.position / 8)
            .ok_or(WriteDescriptorError::NoSpace { capacity_bytes })?;
        if self.position.is_multiple_of(8) {
            *byte = 0;
        }
        *byte |= u8::from(bit) << (7 - self.position % 8);
        self.position += 1;
        Ok(())
    }

    /// Writes the low `count` bits of `value`.
    pub(super) fn bits(&mut self, value: u32, count: u32) -> Result<(), WriteDescriptorError> {
        for shift in (0..count).rev() {
            self.bit(value >> shift & 1 == 1)?;
        }
        Ok(())
    }

    /// Writes `value`, which is below `values`, in the non-symmetric code `ns(n)`.
    pub(super) fn non_symmetric(
        &mut self,
        value: u32,
        values: u32,
    ) -> Result<(), WriteDescriptorError> {
        let width = u32::BITS - values.leading_zeros();
        let short_codes = (1 << width) - values;
        if value < short_codes {
            return self.bits(value, width - 1);
        }
        self.bits(value + short_codes, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(
            fields in proptest::collection::vec((any::<u32>(), 1_u32..=32), 0..20),
        ) {
            let mut bytes = [0xff; 80];
            let mut writer = BitWriter::new(&mut bytes);
            for &(value, count) in &fields {
                writer.bits(value, count).unwrap();
            }

            let mut reader = BitReader::new(&bytes);
            for &(value, count) in &fields {
                let mask = u32::MAX >> (32 - count);
                prop_assert_eq!(reader.bits(count).unwrap(), value & mask);
            }
        }

        #[test]
        fn a_non_symmetric_number_is_read_as_it_was_written(values in 1_u32..=34, seed: u32) {
            let value = seed % values;
            let mut bytes = [0xff; 8];
            BitWriter::new(&mut bytes).non_symmetric(value, values).unwrap();

            prop_assert_eq!(BitReader::new(&bytes).non_symmetric(values).unwrap(), value);
        }
    }

    #[test]
    fn the_end_of_the_bytes_is_an_error() {
        let mut reader = BitReader::new(&[0xa5]);
        let mut one = [0];
        let mut writer = BitWriter::new(&mut one);

        assert_eq!(reader.bits(8), Ok(0xa5));
        assert_eq!(reader.bit(), Err(DescriptorError::Truncated));
        assert_eq!(writer.bits(0x5a, 8), Ok(()));
        assert_eq!(
            writer.bit(true),
            Err(WriteDescriptorError::NoSpace { capacity_bytes: 1 })
        );
    }
}

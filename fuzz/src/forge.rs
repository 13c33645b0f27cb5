//! Bytes of the protocols that the fuzz target of datagrams speaks: DTLS records, SCTP chunks, RTCP.

/// An empty seal of SRTP or SRTCP.
pub(super) const TAG: [u8; 16] = [0; 16];

/// How STUN messages are told from others (RFC 8489, section 5).
pub(super) const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Takes bytes off the front.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Up to 255 bytes, or with a first byte of 255 up to 2040.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            255 => usize::from(self.byte()?) * 8,
            length => usize::from(length),
        };
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        Some(taken)
    }
}

pub(super) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0];
    record.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    record.extend(body);
    record
}

pub(super) fn chunk(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap_or(u16::MAX);
    let mut chunk = vec![kind, flags];
    chunk.extend(length.to_be_bytes());
    chunk.extend(body);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// The state cookie among the parameters of an INIT ACK (RFC 9260, section 3.3.3.1).
pub(super) fn cookie(mut parameters: &[u8]) -> Option<&[u8]> {
    loop {
        let header = parameters.get(..4)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[..2] == [0, 7] {
            return parameters.get(4..length);
        }
        parameters = parameters.get(length.max(4).next_multiple_of(4)..)?;
    }
}

/// A compound of RTCP packets, sealed as SRTCP is (RFC 7714, section 9.3).
pub(super) fn reports(input: &mut Input<'_>) -> Option<Vec<u8>> {
    let mut packet = Vec::new();
    let count = input.byte()?;
    for _ in 0..=(count & 3) {
        let (first, kind) = (input.byte()?, input.byte()?);
        let body = input.bytes()?;
        let words = body.len().div_ceil(4);
        // Mostly a kind that exists: 200 to 207.
        let kind = if kind < 32 {
            kind + 192
        } else {
            200 + kind % 8
        };
        packet.extend([0x80 | first & 0x3f, kind]);
        let claimed = if first & 0x40 == 0 {
            words
        } else {
            usize::from(first)
        };
        packet.extend(u16::try_from(claimed).unwrap_or(u16::MAX).to_be_bytes());
        packet.extend(body);
        packet.resize(packet.len().next_multiple_of(4), 0);
    }
    packet.extend(TAG);
    packet.extend([0x80, 0, 0, count]);
    Some(packet)
}

/// CRC-32C (RFC 9260, appendix A), bit by bit.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0x82f6_3b78;
            }
        }
    }
    !crc
}

/// A connectivity check with valid credentials, and whatever attributes.
pub(super) fn check(ufrag: &str, attributes: &[u8]) -> Vec<u8> {
    let username = format!("{ufrag}:peer");
    let mut body = vec![0, 6];
    body.extend(u16::try_from(username.len()).expect("short").to_be_bytes());
    body.extend(username.bytes());
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([0, 0x24, 0, 4, 0x6e, 0, 0, 1]);
    body.extend([0x80, 0x2a, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
    body.extend(attributes);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([0, 8, 0, 20]);
    body.extend([0; 20]);
    let mut check = vec![0, 1];
    check.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    check.extend(STUN_COOKIE);
    check.extend([9; 12]);
    check.extend(body);
    check
}

//! A peer's side of SCTP and of data channels, as far as the server's needs it.

use super::forge::{Input, chunk, cookie, crc32c, record};
use super::{APPLICATION_DATA, Call, DTLS_HEADER_BYTES};

impl Call<'_> {
    pub(super) fn begin_sctp(&mut self, peer: usize) {
        if self.peers[peer].sctp_tag == 0 {
            let init = [0, 0, 0, 1, 0, 1, 0, 0, 4, 0, 4, 0, 0, 0, 0, 1];
            self.sctp(peer, 0, &chunk(1, 0, &init));
        }
    }

    /// Opens a data channel (RFC 8832, section 5.1).
    pub(super) fn open_channel(&mut self, peer: usize, stream: u8, label: &[u8]) {
        let mut open = vec![
            3,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            u8::try_from(label.len()).expect("short"),
            0,
            0,
        ];
        open.extend(label);
        self.data_chunk(peer, stream, 50, &open);
    }

    pub(super) fn data_chunk(&mut self, peer: usize, stream: u8, protocol: u8, payload: &[u8]) {
        let tsn = self.peers[peer].sctp_tsn;
        self.peers[peer].sctp_tsn = tsn.wrapping_add(1);
        let mut body = tsn.to_be_bytes().to_vec();
        body.extend([0, stream, 0, 0, 0, 0, 0, protocol]);
        body.extend(payload);
        self.sctp(peer, self.peers[peer].sctp_tag, &chunk(0, 7, &body));
    }

    pub(super) fn sctp_operation(&mut self, peer: usize, input: &mut Input<'_>) -> Option<()> {
        let choice = input.byte()?;
        if choice < 64 {
            let protocol = [50, 51, 53, 54, 56, 57, 0, 1][usize::from(choice % 8)];
            self.data_chunk(peer, choice >> 3, protocol, input.bytes()?);
            return Some(());
        }
        let mut chunks = Vec::new();
        for _ in 0..=(choice & 3) {
            let (kind, flags) = (input.byte()?, input.byte()?);
            chunks.extend(chunk(kind % 24, flags, input.bytes()?));
        }
        let tag = if choice & 4 == 0 {
            self.peers[peer].sctp_tag
        } else {
            0
        };
        self.sctp(peer, tag, &chunks);
        Some(())
    }

    /// Sends chunks in a packet with the checksum that it needs (RFC 9260, section 3.1).
    pub(super) fn sctp(&mut self, peer: usize, tag: u32, chunks: &[u8]) {
        let mut packet = vec![0x13, 0x88, 0x13, 0x88];
        packet.extend(tag.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(chunks);
        let checksum = crc32c(&packet);
        packet[8..12].copy_from_slice(&checksum.to_le_bytes());
        let address = self.peers[peer].address;
        self.send(address, &record(APPLICATION_DATA, &packet));
    }

    /// What a peer answers to the first chunk of a packet while the association is set up.
    pub(super) fn sctp_reply(
        &mut self,
        peer: usize,
        datagram: &[u8],
    ) -> Option<(usize, u32, Vec<u8>)> {
        let chunk_at = DTLS_HEADER_BYTES + 12;
        let kind = *datagram.get(chunk_at)?;
        let tag = datagram.get(chunk_at + 4..chunk_at + 8)?;
        let tag = u32::from_be_bytes(tag.try_into().ok()?);
        let known = &mut self.peers[peer].sctp_tag;
        match kind {
            1 => {
                *known = tag;
                let ack = [
                    0, 0, 0, 1, 0, 1, 0, 0, 4, 0, 4, 0, 0, 0, 0, 1, 0, 7, 0, 8, 1, 2, 3, 4,
                ];
                Some((peer, tag, chunk(2, 0, &ack)))
            }
            2 => {
                *known = tag;
                let cookie = cookie(datagram.get(chunk_at + 20..)?)?;
                Some((peer, tag, chunk(10, 0, cookie)))
            }
            10 => Some((peer, *known, chunk(11, 0, &[]))),
            _ => None,
        }
    }
}

//! Which part of a packet's payload a subscriber gets.

use forwarding::{Descriptor, RedLayout};

use super::batch::Kept;
use super::stream::StreamConfig;
use super::trailer;
use crate::media::Packet;

/// An H.264 packet of several units, each with its length (RFC 6184, section 5.7.1).
const STAP_A: u8 = 24;

/// What a payload becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// As it is.
    Whole,
    /// As it is, with the client's own number for Opus in the headers of its blocks.
    Red {
        layout: RedLayout,
        red_type: u8,
        /// The client's number.
        opus_type: u8,
    },
    /// Its beginning, without the trailer that the publisher has appended.
    Cut {
        /// Length of what stays.
        bytes: usize,
    },
    /// What lies behind the repeated blocks, for those who don't know them.
    Primary {
        /// Where that begins.
        at: u16,
    },
}

impl Body {
    pub(crate) fn of(packet: &Packet, config: &StreamConfig) -> Self {
        match (packet.red, config.red_type) {
            (None, _) if config.cuts_trailer => Self::without_trailer(packet),
            (None, _) => Self::Whole,
            (Some(layout), Some(red_type)) => Self::Red {
                layout,
                red_type,
                opus_type: config.payload_type,
            },
            (Some(layout), None) => Self::Primary {
                at: layout.primary_at(),
            },
        }
    }

    /// The lengths in a packet of several H.264 units would contradict a cut; one that has no trailer stays whole.
    fn without_trailer(packet: &Packet) -> Self {
        let trailer = trailer::length(&packet.payload);
        let is_aggregated = matches!(packet.view.descriptor, Descriptor::H264(_))
            && packet
                .payload
                .first()
                .is_some_and(|first| first & 0x1f == STAP_A);
        if trailer == 0 || is_aggregated {
            Self::Whole
        } else {
            let bytes = packet.payload.len() - trailer;
            Self::Cut { bytes }
        }
    }

    /// The payload type that the packet gets.
    pub(crate) fn payload_type(self, config: &StreamConfig) -> u8 {
        match self {
            Self::Whole | Self::Cut { .. } | Self::Primary { .. } => config.payload_type,
            Self::Red { red_type, .. } => red_type,
        }
    }

    /// How long it is, of this packet.
    pub(crate) fn bytes(self, packet: &Packet) -> usize {
        match self {
            Self::Whole | Self::Red { .. } => packet.payload.len(),
            Self::Cut { bytes } => bytes,
            Self::Primary { at } => packet.payload.len().saturating_sub(at.into()),
        }
    }

    /// How many bytes of padding follow it: none behind a part, which is shorter than the others anyway.
    pub(crate) fn padding(self, kept: &Kept) -> u8 {
        match self {
            Self::Whole => kept.padding,
            Self::Red { .. } | Self::Cut { .. } | Self::Primary { .. } => 0,
        }
    }

    /// Appends it to `buffer`.
    pub(crate) fn write(self, buffer: &mut Vec<u8>, packet: &Packet) {
        match self {
            Self::Whole => buffer.extend_from_slice(&packet.payload),
            Self::Red {
                layout, opus_type, ..
            } => {
                let start = buffer.len();
                buffer.extend_from_slice(&packet.payload);
                layout.set_payload_type(&mut buffer[start..], opus_type);
            }
            Self::Cut { bytes } => {
                let kept = packet.payload.get(..bytes).unwrap_or_default();
                buffer.extend_from_slice(kept);
            }
            Self::Primary { at } => {
                let primary = packet.payload.get(usize::from(at)..).unwrap_or_default();
                buffer.extend_from_slice(primary);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use forwarding::{Descriptor, PacketView, SubscriptionKey, parse_h264, parse_red};

    use super::super::header::{ExtensionIds, MidBytes};
    use super::*;
    use crate::media::PacketExtensions;

    /// Opus as 111, twice: first 3 repeated bytes, then 2.
    const PAYLOAD: [u8; 10] = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5];

    fn packet() -> Packet {
        Packet {
            view: PacketView {
                encoding: 0,
                sequence: 1,
                timestamp: 0,
                marker: false,
                payload_bytes: 10,
                descriptor: Descriptor::Audio,
            },
            payload: PAYLOAD.into(),
            extensions: PacketExtensions::default(),
            red: parse_red(&PAYLOAD).ok(),
        }
    }

    fn subscription() -> SubscriptionKey {
        let mut room = forwarding::Room::default();
        let track = room.publish(forwarding::Codec::Red, 1);
        let subscription = room.subscribe(track, forwarding::LayerTarget::ALL);
        subscription.expect("the track is there")
    }

    /// What a client is sent that knows Opus as 109: payload type and payload.
    fn sent(packet: &Packet, red_type: Option<u8>) -> (u8, Vec<u8>) {
        let config = StreamConfig {
            ssrc: 1,
            payload_type: 109,
            red_type,
            cuts_trailer: true,
            repair: None,
            mid: MidBytes::of("0".into()),
            ids: ExtensionIds::default(),
            name: "a".into(),
            track: 0,
            clock_rate: 48_000,
            subscription: subscription(),
        };
        let body = Body::of(packet, &config);
        let mut buffer = vec![9];
        body.write(&mut buffer, packet);
        assert_eq!(body.bytes(packet), buffer.len() - 1);
        (body.payload_type(&config), buffer.split_off(1))
    }

    #[test]
    fn blocks_get_the_number_by_which_the_client_knows_opus() {
        let (payload_type, payload) = sent(&packet(), Some(45));

        assert_eq!(payload_type, 45);
        assert_eq!(payload, [0xed, 0x0f, 0x00, 0x03, 0x6d, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn others_get_the_newest_sound_alone() {
        assert_eq!(sent(&packet(), None), (109, vec![4, 5]));
    }

    #[test]
    fn a_trailer_is_cut_off_but_not_from_units_that_tell_their_lengths() {
        let picture = |first: u8| {
            let payload = [&[first, 0, 7, 0x65, 9][..], &[!5], b"LKTS"].concat();
            Packet {
                view: PacketView {
                    descriptor: parse_h264(&payload)
                        .map_or(Descriptor::Unreadable, Descriptor::H264),
                    ..packet().view
                },
                payload: payload.into(),
                red: None,
                ..packet()
            }
        };

        assert_eq!(sent(&picture(0x65), None).1, [0x65, 0, 7, 0x65, 9]);
        assert_eq!(sent(&picture(0x78), None).1.len(), 10);
    }

    #[test]
    fn plain_sound_stays_plain_among_redundant_packets() {
        let mut plain = packet();
        plain.red = None;

        assert_eq!(sent(&plain, Some(45)), (109, PAYLOAD.to_vec()));
    }
}

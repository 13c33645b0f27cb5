//! What goes into a [`Room`](crate::Room) and what comes out, per packet.

use crate::descriptor::Descriptor;
use crate::slab::SubscriptionKey;

/// A received RTP packet as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketView {
    /// Simulcast encoding, 0 is the smallest picture. 0 for sound and for SVC.
    pub encoding: u8,
    /// Sequence number, extended to 64 bits per encoding.
    pub sequence: u64,
    /// RTP timestamp as received.
    pub timestamp: u32,
    /// RTP marker bit as received.
    pub marker: bool,
    /// Bytes of payload without padding. 0: padding only, which is not passed on.
    pub payload_bytes: u16,
    /// What the payload or its header extension says of itself.
    pub descriptor: Descriptor,
}

/// An order to send the packet that was just handled to one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Who gets it.
    pub subscription: SubscriptionKey,
    /// Outgoing sequence number, extended. The first of a subscription is below 65536 and no number
    /// is given twice.
    pub sequence: u64,
    /// Outgoing RTP timestamp.
    pub timestamp: u32,
    /// Outgoing marker bit.
    pub marker: bool,
    /// What to change in the payload or its header extension.
    pub rewrite: PayloadRewrite,
}

/// A change that one subscriber's copy of a packet needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadRewrite {
    /// Nothing.
    None,
    /// Put these into the VP8 payload descriptor, at the width that they have there
    /// ([`Vp8Descriptor::rewrite`](crate::Vp8Descriptor::rewrite)).
    Vp8 {
        /// New picture id; `None`: the packet has none.
        picture_id: Option<u16>,
        /// New TL0PICIDX; `None`: the packet has none.
        tl0_pic_idx: Option<u8>,
    },
    /// Write the dependency descriptor with these decode targets active
    /// ([`Av1Frame::write_active_targets`](crate::Av1Frame::write_active_targets)).
    Av1 {
        /// Bit `i` is set if decode target `i` can be decoded by this subscriber.
        active_targets: u32,
    },
}

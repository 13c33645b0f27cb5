//! What a client reports of the streams that it receives (RTCP).

use std::collections::HashMap;
use std::time::Duration;

use forwarding::SubscriptionKey;
use slab::Slab;

use super::stream::Stream;
use crate::bandwidth::{Counted, Finding};
use crate::rtcp::{self, NtpTime};

/// What a client reported: see [`Egress::read_feedback`](super::Egress::read_feedback).
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    /// Subscriptions that need a keyframe, by PLI and by FIR, with the indices of their tracks.
    pub(crate) picture_losses: Vec<(usize, SubscriptionKey)>,
    pub(crate) full_intras: Vec<(usize, SubscriptionKey)>,
    /// Numbers that were not received, by the stream's slot.
    lost: Vec<(usize, u16)>,
    /// The worst of the streams that it reports on.
    pub(crate) loss: Option<f32>,
    /// Packets of all its streams that it counted since its reports before.
    pub(crate) counted: Counted,
    pub(crate) round_trip: Option<Duration>,
    /// What the client takes for the bandwidth of its way in, in bits per second.
    pub(crate) estimate: Option<u64>,
    /// What all that says of the way.
    pub(crate) finding: Finding,
}

impl Feedback {
    /// The streams, by slot, and the numbers that they lack.
    pub(crate) fn lost(&self) -> &[(usize, u16)] {
        &self.lost
    }

    pub(super) fn clear(&mut self) {
        self.picture_losses.clear();
        self.full_intras.clear();
        self.lost.clear();
        self.loss = None;
        self.counted = Counted::default();
        self.round_trip = None;
        self.estimate = None;
        self.finding = Finding::Nothing;
    }
}

/// Sorts what a client reports by our streams.
pub(super) struct Reader<'a> {
    now: NtpTime,
    streams: &'a mut Slab<Stream>,
    by_ssrc: &'a HashMap<u32, usize>,
    feedback: &'a mut Feedback,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        now: NtpTime,
        streams: &'a mut Slab<Stream>,
        by_ssrc: &'a HashMap<u32, usize>,
        feedback: &'a mut Feedback,
    ) -> Self {
        feedback.clear();
        Self {
            now,
            streams,
            by_ssrc,
            feedback,
        }
    }

    pub(super) fn handle(&mut self, packet: rtcp::Packet<'_>) {
        match packet {
            rtcp::Packet::SenderReport { reports, .. }
            | rtcp::Packet::ReceiverReport { reports, .. } => {
                for report in reports {
                    self.handle_report(&report);
                }
            }
            rtcp::Packet::Nack { media, lost, .. } => {
                if let Some((slot, stream)) = self.stream(media)
                    && stream.repair.is_some()
                {
                    self.feedback.lost.extend(lost.map(|number| (slot, number)));
                }
            }
            rtcp::Packet::PictureLoss { media, .. } => {
                if let Some(subscription) = self.subscription(media) {
                    self.feedback.picture_losses.push(subscription);
                }
            }
            rtcp::Packet::FullIntra { requests, .. } => {
                for request in requests {
                    if let Some(subscription) = self.subscription(request.media) {
                        self.feedback.full_intras.push(subscription);
                    }
                }
            }
            rtcp::Packet::BandwidthEstimate {
                bits_per_second, ..
            } => self.feedback.estimate = Some(bits_per_second),
            rtcp::Packet::TransportWide { .. } | rtcp::Packet::Goodbye { .. } => {}
        }
    }

    fn handle_report(&mut self, report: &rtcp::ReportBlock) {
        let Some((_, stream)) = self.stream(report.media) else {
            return;
        };
        if stream.config.ssrc != report.media {
            return; // Retransmissions are lost as well; that says nothing new.
        }
        stream.is_known = true;
        let expected = stream.expected_since(report.highest_sequence);
        self.feedback.counted.add(expected, report.fraction_lost);
        let loss = f32::from(report.fraction_lost) / 256.0;
        let known = self.feedback.loss.unwrap_or(0.0);
        self.feedback.loss = Some(known.max(loss));
        let round_trip = report.round_trip(self.now);
        self.feedback.round_trip = self.feedback.round_trip.max(round_trip);
    }

    fn subscription(&mut self, ssrc: u32) -> Option<(usize, SubscriptionKey)> {
        let (_, stream) = self.stream(ssrc)?;
        Some((stream.config.track, stream.config.subscription))
    }

    fn stream(&mut self, ssrc: u32) -> Option<(usize, &mut Stream)> {
        let slot = *self.by_ssrc.get(&ssrc)?;
        Some((slot, self.streams.get_mut(slot)?))
    }
}

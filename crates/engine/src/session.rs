//! One peer connection and what hangs on it.
//!
//! A session holds state; what to do with it is decided in `negotiation`, `media` and `engine`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use forwarding::{
    Codec, DependencyDescriptorReader, LayerLimit, PictureSize, SoundGaps, StreamState,
    SubscriptionKey,
};
use str0m::channel::ChannelConfig;
use str0m::media::Mid;
use str0m::rtp::Ssrc;
use str0m::{Input, Output, Rtc, RtcError};

use crate::channels::Channels;
use crate::crypto::KeyMailbox;
use crate::egress::{Egress, Path, PublisherClock, StreamKey};
use crate::gate::{NameExtensions, SsrcGate};
use crate::negotiation::{Negotiation, SentFormat};
use crate::peer::PayloadTypes;
use crate::rate::{Bucket, PublishRate};
use crate::rids::LayerNames;
use crate::sections::Sections;
use crate::timers::Timer;
use crate::transmit::Transmit;
use crate::{
    CloseReason, CodecSet, EngineConfig, MediaKind, SessionConfig, SessionId, SessionKind,
    Subscribe, TrackId,
};

/// Time's worth of new addresses that may come at once: a client with several interfaces tries them all.
const NEW_ADDRESSES_BURST: Duration = Duration::from_mins(8);

pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) kind: SessionKind,
    pub(crate) room: usize,
    pub(crate) rtc: Rtc,
    /// Where the handshake leaves its keys.
    pub(crate) keys: KeyMailbox,
    /// What the client receives from us.
    pub(crate) egress: Egress,
    /// The client's clock, by its sender reports.
    pub(crate) clock: PublisherClock,
    pub(crate) is_connected: bool,
    /// When the session has to be closed, unless something happens before.
    pub(crate) deadline: Option<(Instant, CloseReason)>,
    pub(crate) timer: Timer,
    pub(crate) is_touched: bool,
    pub(crate) gate: SsrcGate,
    /// Addresses that the session has not been heard from before.
    pub(crate) new_addresses: Bucket,
    pub(crate) publish_rate: PublishRate,
    pub(crate) names: NameExtensions,
    pub(crate) payload_types: PayloadTypes,
    pub(crate) channels: Channels,
    /// Sections in which the client publishes, with the index of the track.
    pub(crate) received: Vec<(Mid, usize)>,
    /// How the client is to send in these sections.
    pub(crate) sent_formats: Vec<(Mid, SentFormat)>,
    /// What the client may publish, and what it may be sent.
    pub(crate) publishes: CodecSet,
    pub(crate) receives: CodecSet,
    pub(crate) sections: Sections,
    /// Streams that the client sends.
    pub(crate) ingress: HashMap<Ssrc, IngressStream>,
    pub(crate) layer_names: LayerNames,
    /// Sections in which the client can receive.
    pub(crate) sendable: Vec<(Mid, MediaKind)>,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Payload types of media and of its retransmission, as the client wrote them for a section.
    pub(crate) repairs: Vec<(Mid, u8, u8)>,
    /// Where the streams of sections stand that wait for another track, and the numbers of their next
    /// retransmissions. At most one for each.
    pub(crate) parked: Vec<(Mid, StreamState, u64)>,
    /// What a player's sections are sent with, whatever they carry.
    pub(crate) played: Vec<(Mid, SsrcPair)>,
    pub(crate) negotiation: Negotiation,
    /// When the last datagram of the client came.
    pub(crate) heard_at: Option<Instant>,
    /// What the client reported of the streams that it receives, since the last look.
    pub(crate) link: ReportedLink,
    /// Packets that the client was asked for again.
    pub(crate) nacks_out: Progress,
    #[cfg(feature = "testing")]
    pub(crate) panic_message: Option<&'static str>,
}

/// A stream of a published track.
pub(crate) struct IngressStream {
    pub(crate) track: usize,
    pub(crate) encoding: u8,
    pub(crate) mid: Mid,
    pub(crate) rid: Option<str0m::media::Rid>,
    pub(crate) codec: Codec,
    pub(crate) descriptor_reader: DependencyDescriptorReader,
    pub(crate) gaps: SoundGaps,
    /// The largest pictures so far.
    pub(crate) size: Option<PictureSize>,
}

/// A track that the client receives, or will.
pub(crate) struct Subscription {
    pub(crate) wish: Subscribe,
    /// Index of the track.
    pub(crate) track: usize,
    /// The section that carries it, once one is chosen.
    pub(crate) section: Option<Mid>,
    /// What it is sent with in that section.
    pub(crate) ssrcs: Option<SsrcPair>,
    /// Whether client and server agree on the section.
    pub(crate) is_negotiated: bool,
    /// Whether the client doesn't decode the track, as agreed on. It was told, and nothing is sent.
    pub(crate) is_refused: bool,
    /// The stream, once packets may flow.
    pub(crate) sending: Option<(SubscriptionKey, StreamKey)>,
    /// Pictures of higher priority are given bandwidth first.
    pub(crate) priority: u8,
    /// What the bandwidth allows.
    pub(crate) granted: LayerLimit,
}

/// The SSRCs of one use of a section: media, and its retransmissions if it is video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SsrcPair {
    pub(crate) media: u32,
    pub(crate) repair: Option<u32>,
}

/// Receiver reports of several streams in one: the worst of each (RFC 3550, section 6.4.2). A client
/// without transport-wide feedback tells nothing else of its link.
#[derive(Default)]
pub(crate) struct ReportedLink {
    pub(crate) rtt: Option<Duration>,
    pub(crate) loss: Option<f32>,
}

impl ReportedLink {
    pub(crate) fn add(&mut self, rtt: Option<Duration>, loss: Option<f32>) {
        self.rtt = self.rtt.max(rtt);
        self.loss = match (self.loss, loss) {
            (Some(known), Some(loss)) => Some(known.max(loss)),
            (known, loss) => known.or(loss),
        };
    }
}

/// Turns counts since the start, one per stream, into what came since the last look.
#[derive(Default)]
pub(crate) struct Progress {
    seen: HashMap<(Mid, Option<str0m::media::Rid>), u64>,
}

impl Progress {
    #[cfg(feature = "testing")]
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(crate) fn advance(&mut self, mid: Mid, rid: Option<str0m::media::Rid>, total: u64) -> u64 {
        let seen = self.seen.entry((mid, rid)).or_default();
        let since = total.saturating_sub(*seen);
        *seen = total;
        since
    }
}

/// What a drained session had to say.
pub(crate) struct Drained {
    /// When it wants to be woken.
    pub(crate) timeout: Option<Instant>,
    /// Set if the session can't go on.
    pub(crate) failure: Option<CloseReason>,
    /// Datagrams that it must not send, since they would use a nonce of ours.
    pub(crate) withheld: usize,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        room: usize,
        config: SessionConfig,
        limits: &EngineConfig,
        (mut rtc, keys): (Rtc, KeyMailbox),
    ) -> Self {
        let random = *rtc.direct_api().new_ssrc();
        let payload_types = PayloadTypes::of(&rtc);
        Self {
            id,
            kind: config.kind,
            room,
            rtc,
            keys,
            egress: Egress::new(config.ice_lite, random, limits.congestion),
            clock: PublisherClock::default(),
            is_connected: false,
            deadline: None,
            timer: Timer::default(),
            is_touched: false,
            gate: SsrcGate::new(limits.new_ssrcs_per_second),
            new_addresses: Bucket::new(
                limits.new_addresses_per_minute.into(),
                Duration::from_mins(1),
                NEW_ADDRESSES_BURST,
            ),
            publish_rate: PublishRate::new(
                limits.publish_packets_per_second,
                limits.publish_bits_per_second,
            ),
            names: NameExtensions::default(),
            payload_types,
            channels: Channels::new(limits.data_queue_bytes_max, limits.data_channels_max),
            received: Vec::new(),
            sent_formats: Vec::new(),
            sections: Sections::new(config.reuse_sections),
            publishes: config.publishes,
            receives: config.receives,
            ingress: HashMap::new(),
            layer_names: LayerNames::default(),
            sendable: Vec::new(),
            subscriptions: Vec::new(),
            repairs: Vec::new(),
            parked: Vec::new(),
            played: Vec::new(),
            negotiation: Negotiation::default(),
            heard_at: None,
            link: ReportedLink::default(),
            nacks_out: Progress::default(),
            #[cfg(feature = "testing")]
            panic_message: None,
        }
    }

    /// Gives an input to the peer connection.
    ///
    /// # Errors
    ///
    /// `Some` close reason if the peer connection panicked; `None` if it refused the input.
    pub(crate) fn handle_input(&mut self, input: Input<'_>) -> Result<(), Option<CloseReason>> {
        let rtc = &mut self.rtc;
        #[cfg(feature = "testing")]
        let panic_message = self.panic_message;
        let handled = guard(|| {
            #[cfg(feature = "testing")]
            assert_eq!(panic_message, None, "a test asked for this panic");
            rtc.handle_input(input)
        });
        match handled {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(reason) => Err(Some(reason)),
        }
    }

    /// Takes out all that the peer connection wants to send or tell.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        transmit: &mut Transmit,
        events: &mut Vec<str0m::Event>,
    ) -> Drained {
        let (rtc, egress) = (&mut self.rtc, &mut self.egress);
        let drained = guard(|| drain(now, rtc, egress, transmit, events));
        drained.unwrap_or_else(|reason| Drained {
            timeout: None,
            failure: Some(reason),
            withheld: 0,
        })
    }

    /// Gives a subscription a section, and SSRCs that were never used before.
    pub(crate) fn assign_section(&mut self, position: usize, section: Option<Mid>) {
        let kind = self.subscriptions[position].wish.kind;
        let ssrcs = section.map(|mid| self.ssrcs_for(mid, kind));
        if self.kind != SessionKind::Player {
            // A new SSRC begins with new numbers: a client counts their wraps from its first packet.
            self.parked.retain(|(mid, ..)| Some(*mid) != section);
        }
        if let Some(mid) = section {
            self.sections.take(mid);
        }
        let subscription = &mut self.subscriptions[position];
        subscription.section = section;
        subscription.ssrcs = ssrcs;
        subscription.is_negotiated = false;
        subscription.is_refused = false;
    }

    /// Gives the SSRCs for a new use of a section. A player's never change, as it is told them once.
    pub(crate) fn ssrcs_for(&mut self, mid: Mid, kind: MediaKind) -> SsrcPair {
        let played = self.played.iter().find(|(section, _)| *section == mid);
        if let Some((_, ssrcs)) = played {
            return *ssrcs;
        }
        let ingress = &self.ingress;
        let taken = |ssrc: u32| ingress.contains_key(&ssrc.into());
        let ssrcs = SsrcPair {
            media: self.egress.new_ssrc(taken),
            repair: (kind == MediaKind::Video).then(|| self.egress.new_ssrc(taken)),
        };
        if self.kind == SessionKind::Player {
            self.played.push((mid, ssrcs));
        }
        ssrcs
    }

    /// Takes back the streams that str0m declares for sections in which we send: they are ours.
    pub(crate) fn remove_declared_streams(&mut self, sections: impl IntoIterator<Item = Mid>) {
        let mut direct = self.rtc.direct_api();
        for mid in sections {
            while let Some(ssrc) = direct
                .stream_tx_by_mid(mid, None)
                .map(|stream| stream.ssrc())
            {
                direct.remove_stream_tx(ssrc);
            }
        }
    }

    /// Sends what waits for the data channels, as far as SCTP has room. Gives the number of messages
    /// that the peer can't take at all.
    pub(crate) fn flush_channels(&mut self) -> usize {
        let rtc = &mut self.rtc;
        let channels = &mut self.channels;
        let refused = guard(|| {
            let mut refused = 0;
            channels.flush(|id, message| match rtc.channel(id) {
                Some(mut channel) => channel.write(true, message).unwrap_or_else(|_| {
                    refused += 1;
                    true
                }),
                None => false,
            });
            refused
        });
        refused.unwrap_or(0)
    }

    pub(crate) fn subscription_of_track(&mut self, track: TrackId) -> Option<&mut Subscription> {
        self.subscriptions
            .iter_mut()
            .find(|subscription| subscription.wish.track == track)
    }

    /// Sections that carry nothing, in the order of the description.
    pub(crate) fn free_section(&self, kind: MediaKind) -> Option<Mid> {
        self.sendable
            .iter()
            .filter(|(_, section_kind)| *section_kind == kind)
            .map(|(mid, _)| *mid)
            .filter(|mid| self.sections.may_carry(*mid))
            .find(|mid| {
                self.subscriptions
                    .iter()
                    .all(|other| other.section != Some(*mid))
            })
    }

    pub(crate) fn track_in_section(&self, mid: Mid) -> Option<usize> {
        self.received
            .iter()
            .find(|(section, _)| *section == mid)
            .map(|(_, track)| *track)
    }

    /// Notes what the client was told to encode with: later answers say the same.
    pub(crate) fn keep_codec(&mut self, mid: Mid, codec: Codec) {
        let mut formats = self.sent_formats.iter_mut();
        if let Some((_, format)) = formats.find(|(section, _)| *section == mid) {
            format.codec = Some(codec);
        }
    }

    pub(crate) fn forget_format(&mut self, mid: Mid) {
        self.sent_formats.retain(|(section, _)| *section != mid);
    }

    /// Reads again what the last negotiation changed.
    pub(crate) fn refresh_negotiated(&mut self) {
        self.payload_types = PayloadTypes::of(&self.rtc);
        let mids = self.received.iter().map(|(mid, _)| *mid);
        self.names = crate::peer::name_extensions(&self.rtc, mids);
    }
}

/// The channels that the server opens towards a client.
pub(crate) fn channel_configs() -> [ChannelConfig; 3] {
    Channels::ALL.map(|channel| {
        let is_reliable = channel == crate::DataChannel::Reliable;
        ChannelConfig {
            label: channel.label().to_owned(),
            ordered: is_reliable,
            reliability: if is_reliable {
                str0m::channel::Reliability::Reliable
            } else {
                str0m::channel::Reliability::MaxRetransmits { retransmits: 0 }
            },
            ..ChannelConfig::default()
        }
    })
}

/// Runs `work` on one session, so that a bug in it ends that session alone. What panicked is not used
/// again, but dropped.
pub(crate) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, CloseReason> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| CloseReason::Panic)
}

fn drain(
    now: Instant,
    rtc: &mut Rtc,
    egress: &mut Egress,
    transmit: &mut Transmit,
    events: &mut Vec<str0m::Event>,
) -> Drained {
    let mut withheld = 0;
    loop {
        match rtc.poll_output() {
            Ok(Output::Timeout(at)) => {
                return Drained {
                    timeout: Some(at),
                    failure: (!rtc.is_alive()).then_some(CloseReason::PeerClosed),
                    withheld,
                };
            }
            Ok(Output::Transmit(datagram)) => {
                let path = Path {
                    source: datagram.source,
                    destination: datagram.destination,
                };
                let is_sent = egress.pass_on(now, path, &datagram.contents, transmit);
                withheld += usize::from(!is_sent);
            }
            Ok(Output::Event(event)) => events.push(event),
            // What strangers send fails in `handle_input`; here str0m has ended the connection itself.
            Err(error) => {
                log_failure(&error);
                return Drained {
                    timeout: None,
                    failure: Some(CloseReason::Protocol),
                    withheld,
                };
            }
        }
    }
}

fn log_failure(error: &RtcError) {
    tracing::debug!(error = %error, "a peer connection can't go on");
}

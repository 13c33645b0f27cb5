//! What a connection needs of a WebRTC stack, without sockets. Two stacks can do it: str0m, which
//! the server uses too, and webrtc-rs, which shares no code with the server.

mod str0m;
#[cfg(feature = "webrtc")]
mod webrtc;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Instant;

use clap::ValueEnum;
use serde::Serialize;
use thiserror::Error;

use crate::media::Outgoing;
use crate::scene::TrackPlan;

use super::link::Sink;

/// First RTP sequence number: high enough that a repaired packet before it has a number.
const FIRST_SEQUENCE: u16 = 1000;

/// Labels of the data channels that a single connection opens.
const CHANNELS: [&str; 2] = ["_reliable", "_lossy"];

/// The media stream that a peer's tracks belong to.
const STREAM: &str = "stream";

/// A WebRTC stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stack {
    /// Light, and the server's own.
    Str0m,
    /// Shares no code with the server.
    Webrtc,
}

/// Why a session can't go on.
#[derive(Debug, Error)]
pub enum SessionError {
    /// It can't be made: there is no certificate, or the program was built without the stack.
    #[error("there is no media session")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A description that can't be made, read or applied.
    #[error("the server's description is not understood")]
    Description(#[source] Box<dyn Error + Send + Sync>),
    /// The session broke.
    #[error("the media session failed")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl SessionError {
    fn unavailable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Box::new(source))
    }

    fn description(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Description(Box::new(source))
    }

    fn broken(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Broken(Box::new(source))
    }
}

/// The program was built without a stack.
#[cfg(not(feature = "webrtc"))]
#[derive(Debug, Error)]
#[error(
    "this program was built without webrtc-rs; build one that has it with \
     `cargo build --release --features webrtc`"
)]
struct MissingStack;

/// One WebRTC session: datagrams and time go in, datagrams and media come out into a [`Sink`].
///
/// Tracks that are sent have numbers, counted from the first that was offered. Layers are counted
/// from the smallest.
pub(super) trait Session: Send {
    /// Adds sections that send `tracks`, each with its name, and sections that receive so much audio
    /// and video; gives the offer, or nothing if there is nothing to offer.
    ///
    /// With `has_channels` the data channels are opened too, which in a single connection is the
    /// client's part.
    fn offer(
        &mut self,
        now: Instant,
        tracks: &[(String, TrackPlan)],
        receiving: (u32, u32),
        has_channels: bool,
    ) -> Result<String, SessionError>;

    /// Offers new ICE credentials.
    fn offer_restart(&mut self, now: Instant) -> Result<String, SessionError>;

    /// Tells whether the answer to an offer is waited for.
    fn is_offering(&self) -> bool;

    /// Takes the answer to the last offer. One that nobody waits for is ignored.
    fn accept_answer(&mut self, now: Instant, sdp: &str) -> Result<(), SessionError>;

    /// Answers an offer.
    fn accept_offer(&mut self, now: Instant, sdp: &str) -> Result<String, SessionError>;

    /// Takes a candidate of the server. What isn't UDP or can't be read is ignored.
    fn add_candidate(&mut self, line: &str);

    /// Handles a datagram. One that isn't for this session is ignored.
    fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), SessionError>;

    /// Lets time pass.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError>;

    /// Sends a packet of a track; gives whether it went out. It leaves with the next
    /// [`Self::drain`].
    fn send(&mut self, now: Instant, track: usize, packet: Outgoing) -> bool;

    /// Asks for a keyframe of a stream that is received.
    fn want_keyframe(&mut self, now: Instant, ssrc: u32);

    /// Gives all that has to go out and all that came in. Returns when
    /// [`Self::handle_timeout`] wants to be called.
    fn drain(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<Instant, SessionError>;

    /// Tells whether the session is over.
    fn is_over(&self) -> bool;
}

/// What all sessions of a run share.
#[derive(Debug, Clone)]
pub(crate) struct SessionKit(Inner);

#[derive(Debug, Clone)]
enum Inner {
    Str0m(str0m::Shared),
    #[cfg(feature = "webrtc")]
    Webrtc(webrtc::Shared),
}

impl SessionKit {
    /// Prepares a stack.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`] if the program was built without the stack, or has no
    /// certificate.
    pub(crate) fn new(stack: Stack) -> Result<Self, SessionError> {
        let inner = match stack {
            Stack::Str0m => Inner::Str0m(str0m::Shared::new()?),
            #[cfg(feature = "webrtc")]
            Stack::Webrtc => Inner::Webrtc(webrtc::Shared::new()?),
            #[cfg(not(feature = "webrtc"))]
            Stack::Webrtc => return Err(SessionError::unavailable(MissingStack)),
        };
        Ok(Self(inner))
    }

    /// Makes a session whose socket has the address `local`.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unavailable`].
    #[cfg_attr(
        not(feature = "webrtc"),
        expect(
            clippy::unnecessary_wraps,
            reason = "sessions of the other stack may fail"
        )
    )]
    pub(super) fn session(
        &self,
        now: Instant,
        local: SocketAddr,
    ) -> Result<Box<dyn Session>, SessionError> {
        match &self.0 {
            Inner::Str0m(shared) => Ok(Box::new(str0m::Str0mSession::new(now, local, shared))),
            #[cfg(feature = "webrtc")]
            Inner::Webrtc(shared) => {
                let session = webrtc::WebrtcSession::new(now, local, shared)?;
                Ok(Box::new(session))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "webrtc"))]
    #[test]
    fn a_program_without_webrtc_rs_says_how_to_build_one_that_has_it() {
        let error = SessionKit::new(Stack::Webrtc).unwrap_err();

        let cause = error.source().unwrap().to_string();
        assert!(
            cause.contains("cargo build --release --features webrtc"),
            "{cause}"
        );
    }

    /// Two sessions of a stack, of which one offers tracks of all kinds and the other answers.
    fn describe(stack: Stack) -> (String, String) {
        let now = Instant::now();
        let kit = SessionKit::new(stack).unwrap();
        let session = |port| kit.session(now, SocketAddr::from(([127, 0, 0, 1], port)));
        let (mut one, mut other) = (session(4000).unwrap(), session(4001).unwrap());
        let camera = TrackPlan::Camera(crate::scene::camera_layers(1_700_000));
        let tracks = [
            ("cam".to_owned(), camera),
            ("mic".to_owned(), TrackPlan::Microphone),
        ];
        let offer = one.offer(now, &tracks, (2, 1), true).unwrap();
        assert!(one.is_offering());
        let answer = other.accept_offer(now, &offer).unwrap();
        one.accept_answer(now, &answer).unwrap();
        assert!(!one.is_offering());
        (offer, answer)
    }

    fn check_descriptions(stack: Stack) {
        let (offer, answer) = describe(stack);

        let count = |text: &str, line: &str| text.matches(line).count();
        assert_eq!(count(&offer, "\nm=audio"), 3, "{offer}");
        assert_eq!(count(&offer, "\nm=video"), 2, "{offer}");
        assert_eq!(count(&offer, "\nm=application"), 1, "{offer}");
        assert_eq!(count(&offer, "a=sendonly"), 2, "{offer}");
        assert_eq!(count(&offer, "a=recvonly"), 3, "{offer}");
        assert_eq!(count(&offer, "a=simulcast:send q;h;f"), 1, "{offer}");
        assert!(
            offer.contains("stream cam") && offer.contains("stream mic"),
            "{offer}"
        );
        assert!(offer.contains("127.0.0.1 4000 typ host"), "{offer}");
        assert!(answer.contains("127.0.0.1 4001 typ host"), "{answer}");
        assert_eq!(count(&answer, "\nm="), 6, "{answer}");
    }

    #[test]
    fn str0m_offers_what_the_plan_says() {
        check_descriptions(Stack::Str0m);
    }

    #[cfg(feature = "webrtc")]
    #[test]
    fn webrtc_rs_offers_what_the_plan_says() {
        check_descriptions(Stack::Webrtc);
    }
}

//! Where the exchange of offers and answers of one session stands.

use str0m::change::SdpPendingOffer;
use str0m::media::Mid;

use crate::sdp::{Formats, Outline};
use crate::{Event, MediaKind};

/// What was offered, and what waits.
#[derive(Default)]
pub(crate) struct Negotiation {
    pub(crate) exchange: Exchange,
    /// Number of our last offer.
    pub(crate) offers: u32,
    /// Something changed that the last offer doesn't say.
    pub(crate) is_dirty: bool,
    pub(crate) wants_ice_restart: bool,
    pub(crate) has_channels: bool,
    /// What the client's payload types mean.
    pub(crate) formats: Formats,
}

/// What the client owes us.
#[derive(Default)]
pub(crate) enum Exchange {
    /// Nothing: a new exchange may begin.
    #[default]
    Idle,
    /// An answer to this offer.
    AwaitsAnswer(PendingOffer),
    /// The offer that we asked for.
    AwaitsOffer,
}

impl Negotiation {
    /// Takes the offer that waits for its answer.
    pub(crate) fn take_pending(&mut self) -> Option<PendingOffer> {
        match std::mem::take(&mut self.exchange) {
            Exchange::AwaitsAnswer(pending) => Some(pending),
            Exchange::Idle | Exchange::AwaitsOffer => None,
        }
    }

    /// Tells whether sections of these kinds and names may answer what waits; with nothing to answer
    /// anything may, and is ignored.
    pub(crate) fn awaits_answer_with(&self, sections: &[Outline]) -> bool {
        match &self.exchange {
            Exchange::AwaitsAnswer(pending) => {
                // A rejected section may come back without its name.
                let fits = |(offered, answered): (&Outline, &Outline)| {
                    offered.0 == answered.0 && (answered.1.is_none() || offered.1 == answered.1)
                };
                pending.sections.len() == sections.len()
                    && pending.sections.iter().zip(sections).all(fits)
            }
            Exchange::Idle | Exchange::AwaitsOffer => true,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        match self.exchange {
            Exchange::Idle => true,
            Exchange::AwaitsAnswer(_) | Exchange::AwaitsOffer => false,
        }
    }
}

/// An offer of ours that waits for its answer.
pub(crate) struct PendingOffer {
    pub(crate) offer: SdpPendingOffer,
    /// Sections that this offer adds.
    pub(crate) added: Vec<(Mid, MediaKind)>,
    /// Its sections, which an answer has to repeat.
    pub(crate) sections: Vec<Outline>,
    /// The offer as it was told.
    pub(crate) event: Event,
}

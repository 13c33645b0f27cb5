//! Which tracks a participant receives.
//!
//! A track is wanted if the client asked for it, or if it didn't say no and everything is
//! subscribed automatically. It is received if it is wanted and everybody concerned allows it.
//!
//! Invariant: a track is told to the media server as subscribed exactly between a
//! [`Change::Subscribe`], or a [`Change::Switch`] to it, and the next [`Change::Unsubscribe`], or a
//! [`Change::Switch`] from it.
//!
//! Tracks are named by their publication's id; what stands for one in the media server is a
//! [`Source`].

use std::collections::{BTreeMap, HashMap};

use livekit_protocol::{SubscriptionPermission, TrackPermission};
use sfu::{Codec, TrackId};

use crate::backup::Source;
use crate::quality::TrackSettings;

/// What to do about one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Start to receive it.
    Subscribe(TrackId),
    /// Receive another one in its place.
    Switch {
        /// What was received.
        from: TrackId,
        /// What is to be received.
        to: TrackId,
    },
    /// Stop to receive it.
    Unsubscribe(TrackId),
}

/// The subscriptions of one participant. Bounded by the tracks of the room.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    auto_subscribe: bool,
    tracks: BTreeMap<TrackId, Subscription>,
}

#[derive(Debug, Default)]
struct Subscription {
    /// What the client said; `None`: nothing.
    chosen: Option<bool>,
    /// What the media server was told to send.
    source: Option<Source>,
    /// Codecs that the client doesn't decode; at most those that a track can have.
    refused: Vec<Codec>,
    settings: Option<TrackSettings>,
    /// Whether the media server has paused it; `None`: it never has.
    is_paused: Option<bool>,
}

impl Subscriptions {
    /// Starts without any, for a client that wants all tracks or (without `auto_subscribe`) none.
    pub(crate) fn new(auto_subscribe: bool) -> Self {
        Self {
            auto_subscribe,
            tracks: BTreeMap::new(),
        }
    }

    /// Takes the client's choice about a track that exists. Whoever asks anew for what could not be
    /// decoded may try again.
    pub(crate) fn choose(&mut self, track: TrackId, subscribe: bool) {
        let state = self.tracks.entry(track).or_default();
        state.chosen = Some(subscribe);
        if !subscribe || state.source.is_none() {
            state.refused.clear();
        }
    }

    /// Notes that the client doesn't decode what it is sent of a track. Says no if `refused` is not,
    /// or no longer, what it is sent.
    pub(crate) fn refuse(&mut self, track: TrackId, refused: TrackId) -> bool {
        let Some(state) = self.tracks.get_mut(&track) else {
            return false;
        };
        let Some(source) = state.source.filter(|source| source.track == refused) else {
            return false;
        };
        if !state.refused.contains(&source.codec) {
            state.refused.push(source.codec);
        }
        true
    }

    /// Returns the codecs in which the client can't have a track.
    pub(crate) fn refused(&self, track: TrackId) -> &[Codec] {
        let state = self.tracks.get(&track);
        state.map_or(&[][..], |state| state.refused.as_slice())
    }

    /// Returns what the media server was told to send.
    pub(crate) fn source(&self, track: TrackId) -> Option<Source> {
        self.tracks.get(&track)?.source
    }

    /// Notes that the media server has ended what it sent, as it is no longer published.
    pub(crate) fn lose(&mut self, track: TrackId, ended: TrackId) {
        if let Some(state) = self.tracks.get_mut(&track)
            && state.source.is_some_and(|source| source.track == ended)
        {
            state.source = None;
        }
    }

    /// Takes the client's settings of a track that exists.
    pub(crate) fn set(&mut self, track: TrackId, settings: TrackSettings) {
        self.tracks.entry(track).or_default().settings = Some(settings);
    }

    /// Returns the client's settings of a track, if it has sent any.
    pub(crate) fn settings(&self, track: TrackId) -> Option<TrackSettings> {
        self.tracks.get(&track)?.settings
    }

    /// Notes that the media server has paused a track that is received, or goes on with it.
    pub(crate) fn set_paused(&mut self, track: TrackId, is_paused: bool) {
        if let Some(state) = self
            .tracks
            .get_mut(&track)
            .filter(|state| state.source.is_some())
        {
            state.is_paused = Some(is_paused);
        }
    }

    /// Lists the tracks that were ever paused, and whether they are.
    pub(crate) fn paused(&self) -> impl Iterator<Item = (TrackId, bool)> + '_ {
        let tracks = self.tracks.iter();
        tracks.filter_map(|(track, state)| Some((*track, state.is_paused?)))
    }

    /// Asks whether the client wants a track.
    pub(crate) fn is_wanted(&self, track: TrackId) -> bool {
        let chosen = self.tracks.get(&track).and_then(|state| state.chosen);
        chosen.unwrap_or(self.auto_subscribe)
    }

    /// Asks whether a track is being received.
    pub(crate) fn is_active(&self, track: TrackId) -> bool {
        let source = self.source(track);
        source.is_some_and(|source| !source.is_waiting)
    }

    /// Decides what has to change about a track of which the client may have `source`, and notes it as
    /// done.
    pub(crate) fn reconcile(&mut self, track: TrackId, source: Option<Source>) -> Option<Change> {
        let target = source.filter(|_| self.is_wanted(track));
        let state = self.tracks.entry(track).or_default();
        let before = std::mem::replace(&mut state.source, target);
        if before.is_none() || target.is_none() {
            state.is_paused = None;
        }
        let of = |source: Option<Source>| source.map(|source| source.track);
        match (of(before), of(target)) {
            (None, Some(to)) => Some(Change::Subscribe(to)),
            (Some(from), Some(to)) => (from != to).then_some(Change::Switch { from, to }),
            (Some(from), None) => Some(Change::Unsubscribe(from)),
            (None, None) => None,
        }
    }

    /// Forgets a track that is gone.
    pub(crate) fn forget(&mut self, track: TrackId) {
        self.tracks.remove(&track);
    }
}

/// Whom a publisher lets subscribe to its tracks; everybody, unless it said otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SubscriptionRules {
    /// `None`: everybody.
    restricted: Option<Vec<TrackPermission>>,
}

/// Rules for single participants, and tracks in all of them, that are kept. They are searched for
/// each subscriber and track.
const RULES_MAX: usize = 1000;

impl SubscriptionRules {
    /// Takes over a client's message, which replaces all earlier ones.
    pub(crate) fn replace(&mut self, message: SubscriptionPermission) {
        self.restricted = (!message.all_participants).then(|| {
            let mut rules = message.track_permissions;
            rules.truncate(RULES_MAX);
            let mut places = RULES_MAX;
            for rule in &mut rules {
                rule.track_sids.truncate(places);
                places -= rule.track_sids.len();
            }
            rules
        });
    }

    /// Asks whether a participant may receive a track.
    pub(crate) fn may_receive(&self, sid: &str, identity: &str, track_sid: &str) -> bool {
        let is_about = |rule: &&TrackPermission| {
            (!rule.participant_sid.is_empty() && rule.participant_sid == sid)
                || (!rule.participant_identity.is_empty() && rule.participant_identity == identity)
        };
        self.restricted.as_ref().is_none_or(|rules| {
            rules
                .iter()
                .filter(is_about)
                .any(|rule| rule.all_tracks || rule.track_sids.iter().any(|sid| sid == track_sid))
        })
    }
}

/// What a participant was last told about its permission to receive single tracks, so that only
/// changes are told.
#[derive(Debug, Default)]
pub(crate) struct ToldPermissions(HashMap<TrackId, bool>);

impl ToldPermissions {
    /// Notes the permission and says whether it is news.
    pub(crate) fn tell(&mut self, track: TrackId, is_allowed: bool) -> bool {
        self.0.insert(track, is_allowed) != Some(is_allowed)
    }

    /// Forgets a track that is gone.
    pub(crate) fn forget(&mut self, track: TrackId) {
        self.0.remove(&track);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfu::ShardId;

    use super::*;

    fn track(number: u64) -> TrackId {
        TrackId::new(ShardId(0), number)
    }

    #[test]
    fn the_choice_of_the_client_beats_the_default() {
        for auto_subscribe in [true, false] {
            let mut subscriptions = Subscriptions::new(auto_subscribe);
            assert_eq!(subscriptions.is_wanted(track(1)), auto_subscribe);

            subscriptions.choose(track(1), !auto_subscribe);

            assert_eq!(subscriptions.is_wanted(track(1)), !auto_subscribe);
        }
    }

    fn source(number: u64, codec: Codec) -> Source {
        Source {
            track: track(number),
            codec,
            is_waiting: false,
        }
    }

    #[test]
    fn a_track_is_received_while_it_is_wanted_and_allowed() {
        let mut subscriptions = Subscriptions::new(true);
        let allowed = Some(source(1, Codec::Vp8));
        let (subscribe, unsubscribe) = (Change::Subscribe(track(1)), Change::Unsubscribe(track(1)));

        assert_eq!(subscriptions.reconcile(track(1), None), None);
        assert_eq!(subscriptions.reconcile(track(1), allowed), Some(subscribe));
        assert_eq!(subscriptions.reconcile(track(1), allowed), None);
        subscriptions.choose(track(1), false);
        assert_eq!(
            subscriptions.reconcile(track(1), allowed),
            Some(unsubscribe)
        );
        subscriptions.choose(track(1), true);
        assert_eq!(subscriptions.reconcile(track(1), allowed), Some(subscribe));
        assert_eq!(subscriptions.reconcile(track(1), None), Some(unsubscribe));
    }

    #[test]
    fn what_is_refused_counts_until_the_client_asks_anew() {
        let mut subscriptions = Subscriptions::new(true);
        let (first, second) = (source(1, Codec::Vp9), source(2, Codec::Vp8));
        subscriptions.reconcile(track(1), Some(first));

        assert!(subscriptions.refuse(track(1), track(1)));
        let waiting = Source {
            is_waiting: true,
            ..first
        };
        assert_eq!(subscriptions.reconcile(track(1), Some(waiting)), None);
        assert!(!subscriptions.is_active(track(1)), "nothing comes yet");
        let switch = Change::Switch {
            from: track(1),
            to: track(2),
        };
        assert_eq!(
            subscriptions.reconcile(track(1), Some(second)),
            Some(switch)
        );
        assert!(subscriptions.is_active(track(1)));
        assert!(!subscriptions.refuse(track(1), track(1)), "long gone");
        subscriptions.choose(track(1), true);
        assert_eq!(subscriptions.refused(track(1)), [Codec::Vp9]);

        subscriptions.lose(track(1), track(2));
        assert_eq!(subscriptions.source(track(1)), None);
        subscriptions.choose(track(1), true);

        assert!(subscriptions.refused(track(1)).is_empty());
    }

    #[test]
    fn a_publisher_may_name_who_receives_what() {
        let mut rules = SubscriptionRules::default();
        assert!(rules.may_receive("PA_1", "bob", "TR_a"));

        rules.replace(SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![
                TrackPermission {
                    participant_identity: "bob".into(),
                    track_sids: vec!["TR_a".into()],
                    ..TrackPermission::default()
                },
                TrackPermission {
                    participant_sid: "PA_2".into(),
                    all_tracks: true,
                    ..TrackPermission::default()
                },
                TrackPermission {
                    all_tracks: true,
                    ..TrackPermission::default()
                },
            ],
        });

        assert!(rules.may_receive("PA_1", "bob", "TR_a"));
        assert!(!rules.may_receive("PA_1", "bob", "TR_b"));
        assert!(rules.may_receive("PA_2", "carol", "TR_b"));
        assert!(!rules.may_receive("PA_3", "", "TR_a"));
        rules.replace(SubscriptionPermission {
            all_participants: true,
            ..SubscriptionPermission::default()
        });
        assert!(rules.may_receive("PA_3", "dave", "TR_a"));
    }

    proptest! {
        #[test]
        fn subscribe_and_unsubscribe_alternate(
            auto_subscribe: bool,
            steps in prop::collection::vec((any::<bool>(), any::<Option<bool>>()), 0..40)
        ) {
            let mut subscriptions = Subscriptions::new(auto_subscribe);
            let mut is_active = false;
            for (is_allowed, choice) in steps {
                if let Some(choice) = choice {
                    subscriptions.choose(track(1), choice);
                }
                let allowed = Some(source(1, Codec::Vp8)).filter(|_| is_allowed);
                match subscriptions.reconcile(track(1), allowed) {
                    Some(Change::Subscribe(_)) => { prop_assert!(!is_active); is_active = true; }
                    Some(Change::Unsubscribe(_)) => { prop_assert!(is_active); is_active = false; }
                    Some(Change::Switch { .. }) => prop_assert!(false, "there is one track"),
                    None => {}
                }
                prop_assert_eq!(is_active, is_allowed && subscriptions.is_wanted(track(1)));
            }
        }
    }
}

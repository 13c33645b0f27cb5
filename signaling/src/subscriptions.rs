//! Which tracks a participant receives.
//!
//! A track is wanted if the client asked for it, or if it didn't say no and everything is
//! subscribed automatically. It is received if it is wanted and everybody concerned allows it.
//!
//! Invariant: a track is told to the media server as subscribed exactly between a
//! [`Change::Subscribe`] and the next [`Change::Unsubscribe`].

use std::collections::{BTreeMap, HashMap};

use livekit_protocol::{SubscriptionPermission, TrackPermission};
use sfu::TrackId;

use crate::quality::TrackSettings;

/// What to do about one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Start to receive it.
    Subscribe,
    /// Stop to receive it.
    Unsubscribe,
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
    is_active: bool,
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

    /// Takes the client's choice about a track that exists.
    pub(crate) fn choose(&mut self, track: TrackId, subscribe: bool) {
        self.tracks.entry(track).or_default().chosen = Some(subscribe);
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
        if let Some(state) = self.tracks.get_mut(&track).filter(|state| state.is_active) {
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
        self.tracks.get(&track).is_some_and(|state| state.is_active)
    }

    /// Decides what has to change about a track that the others allow or not, and notes it as done.
    pub(crate) fn reconcile(&mut self, track: TrackId, is_allowed: bool) -> Option<Change> {
        let target = is_allowed && self.is_wanted(track);
        let state = self.tracks.entry(track).or_default();
        if state.is_active == target {
            return None;
        }
        state.is_active = target;
        state.is_paused = None;
        Some(if target {
            Change::Subscribe
        } else {
            Change::Unsubscribe
        })
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

    #[test]
    fn a_track_is_received_while_it_is_wanted_and_allowed() {
        let mut subscriptions = Subscriptions::new(true);

        assert_eq!(subscriptions.reconcile(track(1), false), None);
        assert_eq!(
            subscriptions.reconcile(track(1), true),
            Some(Change::Subscribe)
        );
        assert_eq!(subscriptions.reconcile(track(1), true), None);
        subscriptions.choose(track(1), false);
        assert_eq!(
            subscriptions.reconcile(track(1), true),
            Some(Change::Unsubscribe)
        );
        subscriptions.choose(track(1), true);
        assert_eq!(
            subscriptions.reconcile(track(1), true),
            Some(Change::Subscribe)
        );
        assert_eq!(
            subscriptions.reconcile(track(1), false),
            Some(Change::Unsubscribe)
        );
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
                match subscriptions.reconcile(track(1), is_allowed) {
                    Some(Change::Subscribe) => { prop_assert!(!is_active); is_active = true; }
                    Some(Change::Unsubscribe) => { prop_assert!(is_active); is_active = false; }
                    None => {}
                }
                prop_assert_eq!(is_active, is_allowed && subscriptions.is_wanted(track(1)));
            }
        }
    }
}

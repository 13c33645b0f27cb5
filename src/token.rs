//! `clapt token create`, and the time that tokens count in.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use auth::{Claims, VideoGrant};
use serde_json::{Map, Value, json};

use crate::cli::TokenArguments;

/// The permissions that `--grant` knows, under their names in the token.
const GRANTS: &[&str] = &[
    "canPublish",
    "canSubscribe",
    "canPublishData",
    "canPublishSources",
    "canUpdateOwnMetadata",
    "canSubscribeMetrics",
    "hidden",
    "recorder",
    "agent",
    "roomAdmin",
    "roomCreate",
    "roomList",
    "roomRecord",
    "destinationRoom",
    "ingressAdmin",
];

/// Returns the seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Prints a token.
pub(crate) fn create(arguments: &TokenArguments) -> Result<(), Box<dyn Error>> {
    let config = arguments.config.load(Vec::new())?;
    let (key, secret) = config.keys.first().ok_or("there is no API key")?;
    let claims = Claims {
        name: arguments.name.clone(),
        video: Some(grant(&arguments.room, &arguments.grants)?),
        ..Claims::for_room(
            &arguments.identity,
            &arguments.room,
            now() + arguments.valid_for,
        )
    };
    println!("{}", auth::sign(&claims, key, secret.expose()));
    Ok(())
}

/// Turns `canPublish=false`, `hidden` and the like into a grant for `room`.
fn grant(room: &str, grants: &[String]) -> Result<VideoGrant, String> {
    let mut map = Map::from_iter([
        ("roomJoin".to_owned(), json!(true)),
        ("room".to_owned(), json!(room)),
    ]);
    for text in grants {
        let (name, value) = text.split_once('=').unwrap_or((text, "true"));
        if !GRANTS.contains(&name) {
            let known = GRANTS.join(", ");
            return Err(format!(
                "there is no permission `{name}`; there are {known}"
            ));
        }
        let value = match (name, value) {
            ("canPublishSources", list) => json!(list.split(',').collect::<Vec<_>>()),
            ("destinationRoom", room) => json!(room),
            (_, "true") => json!(true),
            (_, "false") => json!(false),
            (_, other) => return Err(format!("`{name}` is true or false, not `{other}`")),
        };
        map.insert(name.to_owned(), value);
    }
    serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())
}

/// Reads `90s`, `15m`, `6h` or `2d`.
pub(crate) fn parse_seconds(text: &str) -> Result<u64, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let parsed = units.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds).filter(|seconds| *seconds > 0)
    });
    parsed.ok_or_else(|| "a number and s, m, h or d is needed, such as 6h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(parse_seconds("6h"), Ok(21_600));
        assert_eq!(parse_seconds("90s"), Ok(90));
        for refused in ["", "6", "h", "-1h", "0s", "1.5h", "99999999999999999999d"] {
            assert!(parse_seconds(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn grants_have_the_names_of_the_token() {
        let words = [
            "canPublish=false",
            "hidden",
            "canPublishSources=microphone,camera",
        ];

        let grant = grant("yoga", &words.map(str::to_owned)).unwrap();

        assert!(grant.room_join && grant.hidden && !grant.may_publish());
        assert_eq!(grant.can_publish_sources, ["microphone", "camera"]);
        assert_eq!(grant.room, "yoga");
    }

    #[test]
    fn unknown_grants_and_values_are_refused() {
        assert!(grant("yoga", &["canFly".to_owned()]).is_err());
        assert!(grant("yoga", &["hidden=perhaps".to_owned()]).is_err());
    }

    #[test]
    fn every_grant_that_is_offered_is_a_field_of_the_token() {
        for name in GRANTS {
            let grant = grant("yoga", &[(*name).to_owned()]).unwrap();
            let json = serde_json::to_value(&grant).unwrap();
            assert!(json.get(*name).is_some(), "{name}");
        }
    }
}

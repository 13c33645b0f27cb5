//! Precedence, refusals and the file in `configs/`.

use serde_json::{Value, json};

use super::*;

const EXAMPLE: &str = include_str!("../../../../configs/clapt.yaml");
const LONG: &str = "a secret of at least thirty-two bytes";

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Loads with `--dev`, so that keys don't matter.
fn load(
    yaml: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, Value)],
) -> Result<Config, ConfigError> {
    let file = file(yaml);
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Config::load(&Sources {
        dev: true,
        file: Some(file.path().to_owned()),
        data: None,
        environment: environment.iter().map(owned).collect(),
        flags: flags
            .iter()
            .map(|(path, value)| ((*path).to_owned(), value.clone()))
            .collect(),
    })
}

fn load_outside_dev(yaml: &str) -> Result<Config, ConfigError> {
    let file = file(yaml);
    Config::load(&Sources {
        file: Some(file.path().to_owned()),
        ..Sources::default()
    })
}

#[test]
fn the_commented_file_is_equal_to_the_defaults_and_has_every_key() {
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap();

    assert_eq!(example, serde_json::to_value(Config::default()).unwrap());
}

#[test]
fn every_key_of_the_commented_file_has_a_comment_above_it() {
    let mut above = "";
    for line in EXAMPLE.lines() {
        let is_key = line.contains(':') && !line.trim_start().starts_with(['#', '-']);
        assert!(
            !is_key || above.trim_start().starts_with('#'),
            "no comment above: {line}"
        );
        above = line;
    }
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let yaml = "port: 1\nrtc: {udp_port: 2}";
    let environment = [
        ("CLAPT_PORT", "3"),
        ("CLAPT_ROOM__EMPTY_TIMEOUT", "4"),
        ("HOME", "/"),
    ];

    let config = load(yaml, &environment, &[("port", json!(5))]).unwrap();

    assert_eq!(config.port, 5);
    assert_eq!(config.rtc.udp_port, 2);
    assert_eq!(config.room.empty_timeout, 4);
    assert_eq!(config.room.departure_timeout, 20);
    assert_eq!(load(yaml, &environment, &[]).unwrap().port, 3);
}

#[test]
fn environment_variables_take_lists_texts_and_keys() {
    let environment = [
        ("CLAPT_BIND_ADDRESSES", "[127.0.0.1, '::1']"),
        ("CLAPT_LOG__LEVEL", "info,sfu=debug"),
        ("CLAPT_LOG__JSON", "true"),
        ("CLAPT_KEYS__MyKey", "12345"),
    ];

    let config = load("", &environment, &[]).unwrap();

    assert_eq!(config.bind_addresses.len(), 2);
    assert_eq!(config.log.level, "info,sfu=debug");
    assert!(config.log.json);
    assert_eq!(config.keys.secret("MyKey").unwrap().expose(), "12345");
}

#[test]
fn webhooks_need_a_known_key_and_web_addresses() {
    let text = |yaml: &str| load(yaml, &[], &[]).unwrap_err().to_string();

    let no_key = text("webhook: {urls: ['https://a.example']}");
    assert!(no_key.starts_with("`webhook.api_key`: "), "{no_key}");
    let no_url = text("webhook: {api_key: devkey, urls: [a.example]}");
    assert!(no_url.starts_with("`webhook.urls`: "), "{no_url}");
    let fine = "webhook: {api_key: devkey, urls: ['https://a.example']}";
    assert_eq!(load(fine, &[], &[]).unwrap().webhook.urls.len(), 1);
}

#[test]
fn an_unknown_key_is_refused_and_the_nearest_named() {
    let text = |result: Result<Config, ConfigError>| result.unwrap_err().to_string();

    let in_file = text(load("rtc: {udp_prot: 1}", &[], &[]));
    assert!(
        in_file.ends_with("unknown key `rtc.udp_prot`, did you mean `udp_port`?"),
        "{in_file}"
    );
    let in_environment = text(load("", &[("CLAPT_LIMITS__SDP_BYTES_MAX", "1")], &[]));
    let expected = "environment variable CLAPT_LIMITS__SDP_BYTES_MAX: unknown key `limits`, did you mean `limit`?";
    assert_eq!(in_environment, expected);
    let far_off = text(load("zzzzzz: 1", &[], &[]));
    assert!(far_off.ends_with("unknown key `zzzzzz`"), "{far_off}");
}

#[test]
fn a_wrong_value_names_its_key() {
    for (yaml, key) in [
        ("rtc: {udp_port: many}", "rtc.udp_port"),
        ("rtc: 7", "rtc"),
        ("port: 70000", "port"),
        ("rtc: {udp_port: 65530, shards: 7}", "rtc.shards"),
        ("bind_addresses: [here]", "bind_addresses[0]"),
        ("room: {enabled_codecs: []}", "room.enabled_codecs"),
    ] {
        let error = load(yaml, &[], &[]).unwrap_err().to_string();

        assert!(error.starts_with(&format!("`{key}`: ")), "{yaml}: {error}");
    }
}

#[test]
fn a_file_that_is_not_yaml_is_refused_with_the_line() {
    let error = load("port: 1\nrtc: [", &[], &[]).unwrap_err().to_string();

    assert!(
        error.contains("is not valid YAML") && error.contains("line"),
        "{error}"
    );
}

#[test]
fn development_has_a_key_and_nothing_else_does() {
    assert_eq!(
        load("", &[], &[])
            .unwrap()
            .keys
            .secret(DEV_KEY)
            .unwrap()
            .expose(),
        DEV_SECRET
    );
    assert!(matches!(load_outside_dev(""), Err(ConfigError::NoKeys)));
    let disguised = format!("keys: {{{DEV_KEY}: {LONG}}}");
    assert!(matches!(
        load_outside_dev(&disguised),
        Err(ConfigError::DevKey)
    ));
    let renamed = format!("keys: {{mine: {DEV_SECRET}}}");
    assert!(matches!(
        load_outside_dev(&renamed),
        Err(ConfigError::DevKey)
    ));
}

#[test]
fn short_secrets_are_refused_outside_development() {
    let thirty_one = "x".repeat(31);

    let refused = load_outside_dev(&format!("keys: {{mine: {thirty_one}}}")).unwrap_err();
    let accepted = load_outside_dev(&format!("keys: {{mine: {thirty_one}x}}"));

    assert!(refused.to_string().contains("31 bytes"), "{refused}");
    assert!(!refused.to_string().contains(&thirty_one), "{refused}");
    assert!(accepted.is_ok());
}

#[test]
fn no_output_shows_a_secret() {
    let config = load_outside_dev(&format!("keys: {{mine: {LONG}}}")).unwrap();

    assert!(config.to_yaml().contains("mine"), "{}", config.to_yaml());
    for shown in [config.to_yaml(), format!("{config:?}")] {
        assert!(!shown.contains(LONG), "{shown}");
    }
    for broken in [
        "keys: {mine: [canary]}",
        "keys: canary",
        "keys: {mine: canary",
        "keys: [canary]",
    ] {
        let error = format!("{:?}", load(broken, &[], &[]).unwrap_err());
        assert!(!error.contains("canary"), "{broken}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_adds_keys_unless_everybody_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let keys = file(&format!("from-file: {LONG}"));
    let yaml = format!("key_file: '{}'", keys.path().display());
    let set_mode = |mode| {
        std::fs::set_permissions(keys.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };

    set_mode(0o600);
    assert!(
        load_outside_dev(&yaml)
            .unwrap()
            .keys
            .secret("from-file")
            .is_some()
    );

    set_mode(0o604);
    assert!(matches!(
        load_outside_dev(&yaml),
        Err(ConfigError::KeyFileOpen { .. })
    ));
}

#[cfg(unix)]
#[test]
fn keys_in_the_data_directory_are_read_without_being_named() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("keys.yaml");
    let sources = Sources {
        data: Some(data.path().to_owned()),
        ..Sources::default()
    };
    assert!(matches!(Config::load(&sources), Err(ConfigError::NoKeys)));

    std::fs::write(&path, format!("from-data: {LONG}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();

    assert!(
        Config::load(&sources)
            .unwrap()
            .keys
            .secret("from-data")
            .is_some()
    );
}

#[cfg(unix)]
#[test]
fn ice_servers_are_read_with_their_credentials_and_shown_without() {
    use std::os::unix::fs::PermissionsExt;
    let secret = file("canary-2\n");
    std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let yaml = format!(
        "rtc: {{ice_servers: [{{urls: ['stun:a.example']}}, \
         {{urls: ['turns:b.example:5349?transport=tcp'], username: u, credential: canary-1}}, \
         {{urls: ['turn:[::1]:3478'], username: u, credential_file: '{}'}}]}}",
        secret.path().display()
    );

    let config = load(&yaml, &[], &[]).unwrap();

    let credentials = config.rtc.ice_servers.iter();
    let credentials: Vec<&str> = credentials.map(|s| s.credential.expose()).collect();
    assert_eq!(credentials, ["", "canary-1", "canary-2"]);
    for shown in [config.to_yaml(), format!("{config:?}")] {
        assert!(
            shown.contains("b.example") && !shown.contains("canary"),
            "{shown}"
        );
    }
    std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o604)).unwrap();
    assert!(matches!(
        load(&yaml, &[], &[]),
        Err(ConfigError::KeyFileOpen { .. })
    ));
    let environment = [("CLAPT_RTC__ICE_SERVERS", "[{urls: ['stun:c.example']}]")];
    let config = load("", &environment, &[]).unwrap();
    assert_eq!(config.rtc.ice_servers[0].urls, ["stun:c.example"]);
}

#[cfg(unix)]
#[test]
fn the_address_of_the_database_comes_from_key_file_or_environment_and_is_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let secret = file("postgres://u:canary@h/d\n");
    std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let from_file = format!("database: {{url_file: '{}'}}", secret.path().display());
    let from_key = "database: {url: 'postgres://u:canary@h/d'}";
    let environment = [("CLAPT_DATABASE__URL", "postgres://u:canary@h/d")];

    for config in [
        load(&from_file, &[], &[]),
        load(from_key, &[], &[]),
        load("", &environment, &[]),
    ] {
        let config = config.unwrap();

        assert_eq!(config.database.url.expose(), "postgres://u:canary@h/d");
        for shown in [config.to_yaml(), format!("{config:?}")] {
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
    std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o604)).unwrap();
    let open = load(&from_file, &[], &[]);
    assert!(matches!(open, Err(ConfigError::KeyFileOpen { .. })));
}

#[test]
fn a_database_that_can_not_work_is_refused_by_its_key() {
    for (database, key) in [
        ("{url: a, url_file: b}", "url_file"),
        ("{connections_max: 0}", "connections_max"),
        ("{busy_timeout_ms: 2000}", "busy_timeout_ms"),
        ("{busy_timeout_ms: 0}", "busy_timeout_ms"),
        ("{url: [canary]}", "url"),
    ] {
        let error = load(&format!("database: {database}"), &[], &[]);

        let text = error.unwrap_err().to_string();
        assert!(text.starts_with(&format!("`database.{key}`: ")), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_shard_is_not_told_to_hold_sound_back_for_long() {
    let error = load("rtc: {gather_us: 5001}", &[], &[]).unwrap_err();

    assert!(error.to_string().contains("rtc.gather_us"), "{error}");
    let longest = load("rtc: {gather_us: 5000}", &[], &[]).unwrap();
    assert_eq!(longest.rtc.gather_us, 5000);
}

#[test]
fn an_ice_server_that_nobody_could_use_is_refused_by_its_key() {
    for (server, key) in [
        ("{urls: []}", "[0].urls"),
        ("{urls: ['https://a.example']}", "[0].urls"),
        ("{urls: ['stun:']}", "[0].urls"),
        ("{urls: ['stun:a\", <b>']}", "[0].urls"),
        ("{urls: ['turn:a.example']}", "[0].credential"),
        ("{urls: ['turn:a.example'], username: u}", "[0].credential"),
        (
            "{urls: ['turn:a.example'], username: 'ü', credential: canary}",
            "[0].username",
        ),
        (
            "{urls: ['turn:a.example'], username: u, credential: canaryü}",
            "[0].credential",
        ),
        (
            "{urls: ['turn:a.example'], username: u, credential: [canary]}",
            "[0].credential",
        ),
        (
            "{urls: ['stun:a.example'], credential: canary, credential_file: x}",
            "[0].credential_file",
        ),
        ("{urls: ['stun:a.example'], password: canary}", "[0]"),
        ("canary", "[0]"),
    ] {
        let yaml = format!("rtc: {{ice_servers: [{server}]}}");

        let error = load(&yaml, &[], &[]).unwrap_err().to_string();

        let expected = format!("`rtc.ice_servers{key}");
        assert!(error.starts_with(&expected), "{server}: {error}");
        assert!(
            !error.contains("canary") || server == "canary",
            "{server}: {error}"
        );
    }
}

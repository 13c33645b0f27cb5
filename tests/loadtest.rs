//! `clapt loadtest` against `clapt serve`: signalling, media and thresholds as a user meets them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running server. Dropped, it is killed.
struct Server {
    child: Child,
    url: String,
    /// Removed after the process is gone.
    _data: tempfile::TempDir,
}

impl Server {
    /// Starts one on a free port and waits until it says that it is ready.
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_clapt"))
            .args(["serve", "--dev", "--port", "0", "--data"])
            .arg(data.path())
            .env("CLAPT_RTC__UDP_PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap();
        let url = format!("ws://127.0.0.1:{port}");
        Self {
            child,
            url,
            _data: data,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_short_livestream_loses_nothing_and_only_the_broken_threshold_is_told() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let thresholds = "peers_joined: { min: 6 }\npeers_with_picture: { min: 5 }\n\
                      loss_percent: { max: 0 }\ncorrupt_packets: { max: 0 }\n\
                      joins_failed: { max: 0 }\ndisconnects: { max: 0 }\n\
                      forwarded_packets_per_second: { min: 100 }\n\
                      server_cpu_us_per_packet: { min: 0.01 }\nlatency_ms_p50: { max: 0 }\n";
    std::fs::write(path("slo.yaml"), thresholds).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_clapt"))
        .args(["loadtest", "livestream", "--url", &server.url])
        .args(["--size", "5", "--sample", "5", "--quiet"])
        .args(["--ramp", "500ms", "--warm-up", "2s", "--duration", "3s"])
        .args(["--slo", &path("slo.yaml")])
        .args(["--json", &path("a.json"), "--html", &path("a.html")])
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    let broken: Vec<&str> = text.lines().filter(|line| line.contains('✗')).collect();
    assert_eq!(broken.len(), 1, "{text}");
    assert!(broken[0].contains("latency_ms_p50 is "), "{text}");
    assert_eq!(output.status.code(), Some(3), "{text}");
    let json = std::fs::read_to_string(path("a.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(report["timeline"].as_array().unwrap().len() >= 5, "{json}");
    let page = std::fs::read_to_string(path("a.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("latency_ms_p50 is "));
}

#[test]
fn a_meeting_over_single_connections_loses_nothing() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let slo = folder.path().join("slo.yaml");
    let thresholds = "peers_joined: { min: 3 }\npeers_with_picture: { min: 3 }\n\
                      loss_percent: { max: 0 }\ncorrupt_packets: { max: 0 }\n\
                      disconnects: { max: 0 }\nforwarded_packets_per_second: { min: 100 }\n";
    std::fs::write(&slo, thresholds).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_clapt"))
        .args(["loadtest", "meeting", "--mode", "single", "--quiet"])
        .args(["--url", &server.url, "--size", "3", "--tiles", "2"])
        .args([
            "--ramp",
            "300ms",
            "--warm-up",
            "2s",
            "--duration",
            "2s",
            "--slo",
        ])
        .arg(&slo)
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[cfg(feature = "webrtc")]
#[test]
fn peers_that_share_no_code_with_the_server_see_and_hear_everything() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let slo = folder.path().join("slo.yaml");
    let thresholds = "peers_joined: { min: 4 }\npeers_with_picture: { min: 3 }\n\
                      joins_failed: { max: 0 }\ndisconnects: { max: 0 }\n\
                      loss_percent: { max: 0 }\ncorrupt_packets: { max: 0 }\n\
                      foreign_packets: { max: 0 }\nforwarded_packets_per_second: { min: 300 }\n\
                      frames_per_second: { min: 10 }\n";
    std::fs::write(&slo, thresholds).unwrap();

    for mode in ["dual", "single"] {
        let output = Command::new(env!("CARGO_BIN_EXE_clapt"))
            .args(["loadtest", "livestream", "--stack", "webrtc", "--quiet"])
            .args(["--mode", mode, "--url", &server.url, "--size", "3"])
            .args(["--ramp", "500ms", "--warm-up", "2s", "--duration", "3s"])
            .arg("--slo")
            .arg(&slo)
            .output()
            .unwrap();

        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{mode}: {text}");
    }
}

#[test]
fn a_server_that_lets_nobody_in_ends_the_run_early_with_one_line_that_says_why() {
    let server = Server::start();

    let output = Command::new(env!("CARGO_BIN_EXE_clapt"))
        .args(["loadtest", "audio", "--size", "2", "--quiet"])
        .args(["--url", &server.url, "--secret", "not-the-secret"])
        .args(["--ramp", "100ms", "--warm-up", "2s", "--duration", "1h"])
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("nobody could join ws://"), "{text}");
    assert!(text.contains("401 Unauthorized"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn an_unknown_figure_is_refused_in_one_line_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let slo = folder.path().join("slo.yaml");
    std::fs::write(&slo, "no_such_figure: { max: 1 }\n").unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_clapt"))
        .args(["loadtest", "--url", "ws://127.0.0.1:1", "--slo"])
        .arg(&slo)
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("there is no figure `no_such_figure`"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

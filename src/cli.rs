//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};
use service::Config;
use service::config::{ConfigError, DATA_DEFAULT, Sources};

/// Video classes and meetings on your own server.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server.
    Serve(ServeArguments),
    /// Make access tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the configuration that holds in the end, secrets redacted.
    CheckConfig(ConfigArguments),
    /// Make the migrations that the database lacks.
    Migrate(ConfigArguments),
    /// Put load on a server with headless participants, and measure it.
    Loadtest(loadtest::Arguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Print a token that lets one participant into one room.
    Create(TokenArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// Development mode: listen on this machine only, with the API key `devkey`.
    #[arg(long)]
    dev: bool,
    /// Read this YAML file; configs/clapt.yaml explains every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory with what the server keeps; `keys.yaml` in it holds API keys.
    #[arg(long, value_name = "DIR", default_value = DATA_DEFAULT)]
    data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// TCP port of HTTP and WebSockets; 0 takes a free one.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Address to listen on; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    bind: Vec<IpAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// The room to enter.
    #[arg(long)]
    pub(crate) room: String,
    /// Who enters; a second one with the same identity replaces the first.
    #[arg(long)]
    pub(crate) identity: String,
    /// The name that others see.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// A permission by its name in the token, such as `canPublish=false`,
    /// `canPublishSources=microphone,camera` or `hidden`; may be given several times.
    #[arg(long = "grant", value_name = "NAME[=VALUE]")]
    pub(crate) grants: Vec<String>,
    /// How long the token is good: a number and s, m, h or d.
    #[arg(long, default_value = "6h", value_parser = crate::token::parse_seconds)]
    pub(crate) valid_for: u64,
}

impl ConfigArguments {
    /// Loads the configuration, with `flags` on top.
    pub(crate) fn load(&self, flags: Vec<(String, Value)>) -> Result<Config, ConfigError> {
        Config::load(&Sources {
            dev: self.dev,
            file: self.config.clone(),
            data: Some(self.data.clone()),
            environment: std::env::vars_os()
                .filter_map(|(name, text)| {
                    Some((name.into_string().ok()?, text.into_string().ok()?))
                })
                .collect(),
            flags,
        })
    }
}

impl ServeArguments {
    /// Loads the configuration, flags included.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let mut flags = Vec::new();
        if let Some(port) = self.port {
            flags.push(("port".to_owned(), json!(port)));
        }
        if !self.bind.is_empty() {
            flags.push(("bind_addresses".to_owned(), json!(self.bind)));
        }
        self.config.load(flags)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_serve_reach_the_configuration() {
        let line = [
            "clapt",
            "serve",
            "--dev",
            "--port",
            "0",
            "--bind",
            "127.0.0.2",
        ];
        let Command::Serve(arguments) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not serve");
        };

        let config = arguments.load().unwrap();

        assert_eq!(config.port, 0);
        assert_eq!(config.bind_addresses, [IpAddr::from([127, 0, 0, 2])]);
    }
}

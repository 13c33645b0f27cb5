//! The binary `clapt`: command line, wiring of the services, and the web client's files.

mod api;
mod cli;
mod database;
mod join;
mod security;
mod serve;
mod token;
mod web;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, TokenCommand};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(arguments) => serve::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Token(TokenCommand::Create(arguments)) => {
            token::create(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::CheckConfig(arguments) => check_config(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Migrate(arguments) => database::migrate(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Loadtest(arguments) => loadtest::main(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn check_config(arguments: &cli::ConfigArguments) -> Result<(), Box<dyn Error>> {
    print!("{}", arguments.load(Vec::new())?.to_yaml());
    Ok(())
}

/// Joins an error and its causes into one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}

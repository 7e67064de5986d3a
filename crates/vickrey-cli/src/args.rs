//! The command line: what all commands share, and the list of commands.

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    audit, check, completions, follow, import, keys, lead, new, plot, reproduce, run, schema, simulate,
    verify,
};

const EXAMPLES: &str = "\
Examples:
  vickrey new market > market.toml      start from a commented template
  vickrey run market.toml --audit       clear it, and search for violated promises
  vickrey run market.toml --out today   write the result, its tables and pictures

Exit codes: 0 done; 1 a guarantee failed or the run failed; 2 bad usage or input.";

/// Efficient decisions for self-interested agents, payments that make honesty the best policy, and audits that show
/// it on the instance at hand.
#[derive(Debug, Parser)]
#[command(name = "vickrey", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Print the result as JSON on standard output, and errors as JSON on standard error
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// No progress bars
    #[arg(long, short, global = true, display_order = 901)]
    pub quiet: bool,
    /// Seed of all random numbers, instead of the scenario's
    #[arg(long, value_name = "N", global = true, display_order = 902, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Number of threads; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N", global = true, display_order = 903, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// The commands; what each is for stands at its arguments, which is where `--help` takes it from.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::Run),
    Audit(audit::Audit),
    Simulate(simulate::Simulate),
    Check(check::Check),
    Plot(plot::Plot),
    New(new::New),
    Schema(schema::Schema),
    Import(import::Import),
    Reproduce(reproduce::Reproduce),
    Lead(lead::Lead),
    Follow(follow::Follow),
    Keys(keys::Keys),
    Verify(verify::Verify),
    Completions(completions::Completions),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in super::Cli::command().get_subcommands() {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains("vickrey "), "{} has no example", command.get_name());
        }
    }
}

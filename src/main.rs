//! The `taskd` command.

fn main() -> std::process::ExitCode {
    taskd::cli::main()
}

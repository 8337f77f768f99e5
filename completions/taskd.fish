# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_taskd_global_optspecs
    string join \n file= state= socket= log-format= log-level= h/help V/version
end

function __fish_taskd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_taskd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_taskd_using_subcommand
    set -l cmd (__fish_taskd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c taskd -n "__fish_taskd_needs_command" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_needs_command" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_needs_command" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_needs_command" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_needs_command" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_needs_command" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_needs_command" -s V -l version -d 'Print version'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "run" -d 'Run the tasks of a schedule file when they are due'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "list" -d 'List the tasks: when they run, next when, and where they are written'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "ls" -d 'List the tasks: when they run, next when, and where they are written'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "next" -d 'Print what will run next, and when'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "validate" -d 'Check schedule files, and tell everything that is wrong with them'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "check" -d 'Check schedule files, and tell everything that is wrong with them'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "explain" -d 'Explain a task or an expression: in words, field by field, and where clocks change'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "status" -d 'Tell how the daemon and its tasks are: what is not well first'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "ps" -d 'Tell how the daemon and its tasks are: what is not well first'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "pause" -d 'Let tasks start nothing for now; what runs goes on'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "resume" -d 'Let tasks that are paused go on'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "trigger" -d 'Run a task now'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "cancel" -d 'Stop the runs of a task, or one run, and call off what waits'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "reload" -d 'Let the daemon take up its schedule file again: all of it, or nothing if it is wrong'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "events" -d 'Tell what happens, as it happens, until Ctrl-C'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "stop" -d 'Let the daemon end: runs may end, nothing more is started'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "history" -d 'Tell what became of firings: the newest first'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "output" -d 'Print what a run has written, or the latest run of a task'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "why" -d 'Tell why a task did or did not run: the verdict of a firing, and what decided it'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "add" -d 'Add a task to the schedule file, and to its daemon'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "set" -d 'Change a key of a task in the schedule file, and in its daemon'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "remove" -d 'Remove tasks from the schedule file, and from its daemon'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "rm" -d 'Remove tasks from the schedule file, and from its daemon'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "edit" -d 'Open the schedule file in `$VISUAL` or `$EDITOR`; a wrong one never takes its place'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "exec" -d 'Run the command of a task here and now, on this terminal, as the daemon would; no record is kept'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "install" -d 'Write a unit for systemd that runs this taskd on this file'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "doctor" -d 'Tell what taskd finds on this machine: file, state, daemon, zone data, limits; ends with 1 if something is amiss'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c taskd -n "__fish_taskd_needs_command" -f -a "man" -d 'Print the manual page'
complete -c taskd -n "__fish_taskd_using_subcommand run" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand run" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand run" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand run" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand run" -l dry-run -d 'Decide and print what would run, as it comes due, but start nothing'
complete -c taskd -n "__fish_taskd_using_subcommand run" -l json -d 'With --dry-run: one JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand run" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand list" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand list" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand list" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand list" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand list" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand list" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand list" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand list" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand ls" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand ls" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand next" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand next" -s n -l count -d 'So many firings' -r
complete -c taskd -n "__fish_taskd_using_subcommand next" -l after -d 'Strictly after this time, else after now: RFC 3339, `2026-12-31 23:59`, `23:59` or `2h`' -r
complete -c taskd -n "__fish_taskd_using_subcommand next" -l until -d 'Not after this time' -r
complete -c taskd -n "__fish_taskd_using_subcommand next" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand next" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand next" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand next" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand next" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand next" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand next" -l each -d 'So many firings of every task, not over all tasks'
complete -c taskd -n "__fish_taskd_using_subcommand next" -l all -d 'Also what a calendar excludes, and why'
complete -c taskd -n "__fish_taskd_using_subcommand next" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l strict -d 'Take warnings for errors'
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l host -d 'Look also for what this machine lacks: directories, shells and programs'
complete -c taskd -n "__fish_taskd_using_subcommand validate" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand validate" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand check" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand check" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand check" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand check" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand check" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand check" -l strict -d 'Take warnings for errors'
complete -c taskd -n "__fish_taskd_using_subcommand check" -l host -d 'Look also for what this machine lacks: directories, shells and programs'
complete -c taskd -n "__fish_taskd_using_subcommand check" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand check" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand explain" -s n -l count -d 'So many of the next firings' -r
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l timezone -d 'The zone of an expression, else that of this machine' -r
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand explain" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand explain" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand status" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand status" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand status" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand status" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand status" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand status" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand status" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand status" -l watch -d 'Tell it again every second, until Ctrl-C'
complete -c taskd -n "__fish_taskd_using_subcommand status" -l check -d 'Tell only what is not well, and end with 1 if there is any: a last run that failed, a firing that is overdue, a daemon that is degraded'
complete -c taskd -n "__fish_taskd_using_subcommand status" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l watch -d 'Tell it again every second, until Ctrl-C'
complete -c taskd -n "__fish_taskd_using_subcommand ps" -l check -d 'Tell only what is not well, and end with 1 if there is any: a last run that failed, a firing that is overdue, a daemon that is degraded'
complete -c taskd -n "__fish_taskd_using_subcommand ps" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l for -d 'For so long: `2h`' -r
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l until -d 'Until this time: RFC 3339, `2026-12-31 23:59`, `23:59` or `2h`' -r
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l reason -d 'Why, for whoever looks' -r
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand pause" -l all -d 'Everything, by a switch of its own'
complete -c taskd -n "__fish_taskd_using_subcommand pause" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l tag -d 'Only tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand resume" -l all -d 'Everything; tasks that were paused by themselves stay so'
complete -c taskd -n "__fish_taskd_using_subcommand resume" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l env -d 'Give a variable to this run; it is kept until that has ended, and shown nowhere' -r
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l force -d 'Beside whatever goes on, whatever `overlap` says'
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l wait -d 'Print what it writes, and end when it has ended: with 0 if that went well, else with 1'
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -l json -d 'One JSON object: the firing, or with --wait the run'
complete -c taskd -n "__fish_taskd_using_subcommand trigger" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand reload" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand reload" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand reload" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand reload" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand reload" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand reload" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand events" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand events" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand events" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand events" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand events" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand events" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand stop" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand stop" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand stop" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand stop" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand stop" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand stop" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand history" -l verdict -d 'Only this verdict' -r -f -a "run\t''
skipped\t''
missed\t''
coalesced\t''
paused\t''"
complete -c taskd -n "__fish_taskd_using_subcommand history" -l outcome -d 'Only runs that ended so' -r -f -a "success\t''
failed\t''
timed-out\t''
stopped\t''
not-started\t''
lost\t''"
complete -c taskd -n "__fish_taskd_using_subcommand history" -l since -d 'Due at this time or later: RFC 3339, `2026-12-31 23:59`, `23:59` or `24h` ago' -r
complete -c taskd -n "__fish_taskd_using_subcommand history" -l until -d 'Due at this time or earlier' -r
complete -c taskd -n "__fish_taskd_using_subcommand history" -s n -l limit -d 'So many at most' -r
complete -c taskd -n "__fish_taskd_using_subcommand history" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand history" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand history" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand history" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand history" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand history" -l failed -d 'Only runs that went wrong'
complete -c taskd -n "__fish_taskd_using_subcommand history" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand history" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand output" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand output" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand output" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand output" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand output" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand output" -s f -l follow -d 'Go on until the run has ended'
complete -c taskd -n "__fish_taskd_using_subcommand output" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand why" -l at -d 'The firing nearest to this time, else the latest: RFC 3339, `2026-12-31 23:59`, `23:59` or `24h` ago' -r
complete -c taskd -n "__fish_taskd_using_subcommand why" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand why" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand why" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand why" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand why" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand why" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand why" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand add" -l interval -d 'Every so much time: `1h 30m`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l cron -d 'When a crontab text says: `0 3 * * *`; may be given several times' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l date -d 'Once: `2026-12-31 23:59:59`; may be given several times' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l startup -d 'At each `start` of the daemon, or the first one after a `boot`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l after -d 'When this task has run well; may be given several times' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l timezone -d 'The zone of its wall clock: `Europe/Berlin`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l description -d 'For people' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l tag -d 'For `--tag`; may be given several times' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l cwd -d 'Where it runs' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l env -d 'A variable of its environment; may be given several times' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l user -d 'Who it runs as' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l overlap -d 'While the previous run goes on: `skip`, `queue`, `replace` or `parallel`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l missed -d 'What was due meanwhile: `skip`, `latest` or `all`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l timeout -d 'How long an attempt may take' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l retry -d 'How many attempts may follow the first, or `{ max = 3, delay = "10s" }`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l pool -d 'Where it waits for a place' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l set -d 'Any other key, the value as TOML or as a text: `nice=5`, `output.keep=3`' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand add" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand add" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand add" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand add" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand add" -l dry-run -d 'Print what would change, and change nothing'
complete -c taskd -n "__fish_taskd_using_subcommand add" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand add" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand set" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand set" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand set" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand set" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand set" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand set" -l unset -d 'Take the key away'
complete -c taskd -n "__fish_taskd_using_subcommand set" -l dry-run -d 'Print what would change, and change nothing'
complete -c taskd -n "__fish_taskd_using_subcommand set" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand set" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l tag -d 'Tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l dry-run -d 'Print what would change, and change nothing'
complete -c taskd -n "__fish_taskd_using_subcommand remove" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand remove" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l tag -d 'Tasks with this tag' -r
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l dry-run -d 'Print what would change, and change nothing'
complete -c taskd -n "__fish_taskd_using_subcommand rm" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand rm" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l dry-run -d 'Print what would change, and change nothing'
complete -c taskd -n "__fish_taskd_using_subcommand edit" -l json -d 'One JSON object a line'
complete -c taskd -n "__fish_taskd_using_subcommand edit" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand exec" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand exec" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand exec" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand exec" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand exec" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand exec" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand install" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand install" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand install" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand install" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand install" -l user -d 'For you alone: below `~/.config/systemd/user`'
complete -c taskd -n "__fish_taskd_using_subcommand install" -l system -d 'For the machine: in `/etc/systemd/system`'
complete -c taskd -n "__fish_taskd_using_subcommand install" -l dry-run -d 'Print the unit, and write nothing'
complete -c taskd -n "__fish_taskd_using_subcommand install" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand doctor" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand doctor" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand doctor" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand doctor" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand doctor" -l json -d 'One JSON object'
complete -c taskd -n "__fish_taskd_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand completions" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand completions" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand completions" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand completions" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand completions" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c taskd -n "__fish_taskd_using_subcommand man" -l file -d 'The schedule file; else `./schedules.toml`, `$XDG_CONFIG_HOME/taskd/schedules.toml` or `/etc/taskd/schedules.toml`, the first that exists' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand man" -l state -d 'Where the daemon keeps its state; `none` keeps everything in memory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand man" -l socket -d 'Where the daemon answers; else `$RUNTIME_DIRECTORY/taskd.sock`, or a socket in `/run/taskd`, `$XDG_RUNTIME_DIR/taskd` or the state directory' -r -F
complete -c taskd -n "__fish_taskd_using_subcommand man" -l log-format -d 'How log lines look; `auto` leaves out times and colours under systemd, which has its own' -r -f -a "auto\t''
text\t''
json\t''"
complete -c taskd -n "__fish_taskd_using_subcommand man" -l log-level -d 'What is logged: error, warn, info, debug or trace; else as `$RUST_LOG` says, else info' -r
complete -c taskd -n "__fish_taskd_using_subcommand man" -s h -l help -d 'Print help'

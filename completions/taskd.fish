complete --keep-order --exclusive --command taskd --arguments "(TASKD_COMPLETE=fish taskd -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"

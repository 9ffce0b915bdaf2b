"""The command line of ``constructions``: one file per subcommand."""

"""Reading the script: its tree, its names, its callbacks, and which function is the hook."""

"""Units of systemd that keep a host as harden made it: what they say, what is there already, what has to change."""

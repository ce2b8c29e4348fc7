"""When a secret rotates: computed from its entry, the age of its version and the time, which are passed in."""

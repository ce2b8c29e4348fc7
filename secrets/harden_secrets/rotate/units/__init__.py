"""What runs `rotate --due` regularly: a timer and a service of systemd, or a CronJob with all that it may do."""

"""What the commands of ``harden wg`` do: each puts the parts together and says the result."""

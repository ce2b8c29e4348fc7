"""Who carries out which kind of step. Each can be told to do, or undo, the same thing twice."""

"""What upstream and the branches hold: an index of all commits, and the questions that it answers with evidence."""

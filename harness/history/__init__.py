"""Records every run in an SQLite file, and answers what became of a case before."""

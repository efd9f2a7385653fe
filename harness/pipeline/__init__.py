"""Plans a case, does its steps and checks the outputs."""

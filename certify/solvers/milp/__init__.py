"""Mixed-integer programs: each open margin as one program with a binary variable for each undecided unit."""

"""VNN-LIB, the query language of the verifiers' competition: version 1.0 and version 2.0."""

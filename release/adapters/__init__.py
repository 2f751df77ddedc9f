"""What talks to the outside: each module fulfils a port for the rest."""

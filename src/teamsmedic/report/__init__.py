"""Reports on runs, for people and for other programs: `model` says what is to be told, the other modules write it."""

"""Sessions: who is here, and what each may do."""

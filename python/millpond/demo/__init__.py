"""``millpond demo``: real data through the whole of Millpond, ending with proof that training reproduces."""

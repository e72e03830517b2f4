"""People's verdicts in, a policy that agrees with them and how sure that is out."""

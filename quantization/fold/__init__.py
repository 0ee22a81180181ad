"""A graph made smaller and plainer before it is quantised."""

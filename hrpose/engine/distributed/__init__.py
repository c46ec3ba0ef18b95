"""One run in several processes, on one machine or several: start them, let them meet, end them together."""

"""How records and images are kept: records in flat columns, images in archives, people as packed crops."""

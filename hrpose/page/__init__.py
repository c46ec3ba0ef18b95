"""A page that shows people's poses in the images and videos that a browser sends, and the server behind it."""

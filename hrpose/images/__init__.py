"""Reading and writing of images and videos. Arrays are (H, W, 3) uint8 RGB, from file to network and back to file."""

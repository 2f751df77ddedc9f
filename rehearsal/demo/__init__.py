"""The release tool with real traffic, told as a story: ``make demo`` on a platform that ``make up`` has brought up."""

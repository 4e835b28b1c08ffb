"""What holds for the whole house: its pages, its wheel, and its errors."""

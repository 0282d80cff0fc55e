"""The only room that runs git. Other rooms ask it in the field's terms and get values back."""

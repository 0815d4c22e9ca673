"""A page of Gradio that shouts."""

import gradio


def shout(text):
    return text.upper()


gradio.Interface(shout, "text", "text", api_name="shout").launch(server_name="0.0.0.0")

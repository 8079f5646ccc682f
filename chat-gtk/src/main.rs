//! Host a room or join one in a window.

mod application;
mod bridge;
mod error;
mod hosting;
mod model;
mod text;
mod view;
mod window;

fn main() -> gtk::glib::ExitCode {
    application::run()
}

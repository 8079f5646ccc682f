//! The application: one window, its style, and the keys that work everywhere.

use adw::prelude::*;
use gtk::{gdk, gio, glib};

use crate::window::Window;

const ID: &str = "org.example.Chat";

/// Runs until the window is closed.
pub(crate) fn run() -> glib::ExitCode {
    // Several at once are several people, on one computer too.
    let application = adw::Application::builder()
        .application_id(ID)
        .flags(gio::ApplicationFlags::NON_UNIQUE)
        .build();
    application.connect_startup(|application| {
        load_style();
        application.set_accels_for_action("window.close", &["<Control>q", "<Control>w"]);
        application.set_accels_for_action("win.show-people", &["F9"]);
    });
    application.connect_activate(|application| Window::new(application).present());
    application.run()
}

fn load_style() {
    let provider = gtk::CssProvider::new();
    provider.load_from_data(include_str!("style.css"));
    if let Some(display) = gdk::Display::default() {
        let priority = gtk::STYLE_PROVIDER_PRIORITY_APPLICATION;
        gtk::style_context_add_provider_for_display(&display, &provider, priority);
    }
}

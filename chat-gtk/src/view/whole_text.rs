//! A window with all of a text that is too long to stand among others.

use gtk::{gdk, glib, prelude::*};

use crate::text::in_pieces;

/// Opens all of `text`, over the window that `from` is in. It is laid out as far as one looks.
pub(super) fn open(from: &impl IsA<gtk::Widget>, text: &str) {
    let view = gtk::TextView::builder()
        .editable(false)
        .cursor_visible(false)
        .wrap_mode(gtk::WrapMode::WordChar)
        .left_margin(12)
        .right_margin(12)
        .top_margin(12)
        .bottom_margin(12)
        .build();
    view.buffer().set_text(&in_pieces(text));
    let scroller = gtk::ScrolledWindow::builder()
        .hscrollbar_policy(gtk::PolicyType::Never)
        .vexpand(true)
        .child(&view)
        .build();
    // As it was written: the view has places to break at.
    let copy = gtk::Button::builder().label("Copy all").halign(gtk::Align::End).build();
    let whole = text.to_owned();
    copy.connect_clicked(move |button| button.clipboard().set_text(&whole));
    for margin in ["margin-top", "margin-bottom", "margin-start", "margin-end"] {
        copy.set_property(margin, 12);
    }
    let content = gtk::Box::new(gtk::Orientation::Vertical, 0);
    content.append(&scroller);
    content.append(&copy);
    let window = gtk::Window::builder()
        .title("All of the text")
        .default_width(640)
        .default_height(560)
        .destroy_with_parent(true)
        .child(&content)
        .build();
    window.set_transient_for(from.root().and_downcast_ref::<gtk::Window>());
    let keys = gtk::EventControllerKey::new();
    keys.connect_key_pressed(glib::clone!(
        #[weak]
        window,
        #[upgrade_or]
        glib::Propagation::Proceed,
        move |_, key, _, _| {
            if key == gdk::Key::Escape {
                window.close();
                return glib::Propagation::Stop;
            }
            glib::Propagation::Proceed
        }
    ));
    window.add_controller(keys);
    window.present();
}

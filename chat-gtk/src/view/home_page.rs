//! The home page: a name, and whether to host or to join. Errors stand where their field is.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;

use crate::error::{Field, FieldError, parse_port};

/// The wish of someone on the home page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Host { name: String, port: u16 },
    Join { name: String, server: String },
}

mod imp {
    use super::*;

    type OnWish = Box<dyn Fn(Wish)>;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "home_page.ui")]
    pub struct HomePage {
        #[template_child]
        pub(super) name: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) address: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) port: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) join_error: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) join: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) host_port: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) host_error: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) host: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) spinner: TemplateChild<gtk::Spinner>,
        /// Something is being tried.
        pub(super) is_busy: Cell<bool>,
        /// Told what someone wants.
        pub(super) on_wish: RefCell<Option<OnWish>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for HomePage {
        const NAME: &'static str = "ChatHomePage";
        type Type = super::HomePage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for HomePage {
        fn constructed(&self) {
            self.parent_constructed();
            let page = self.obj();
            self.join.connect_clicked(glib::clone!(
                #[weak]
                page,
                move |_| page.wish(page.join_wish())
            ));
            self.host.connect_clicked(glib::clone!(
                #[weak]
                page,
                move |_| page.wish(page.host_wish())
            ));
            for row in [&self.name, &self.address, &self.port] {
                row.connect_entry_activated(glib::clone!(
                    #[weak]
                    page,
                    move |_| page.wish(page.join_wish())
                ));
            }
            self.host_port.connect_entry_activated(glib::clone!(
                #[weak]
                page,
                move |_| page.wish(page.host_wish())
            ));
        }
    }

    impl WidgetImpl for HomePage {}
    impl BinImpl for HomePage {}
}

glib::wrapper! {
    pub struct HomePage(ObjectSubclass<imp::HomePage>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Buildable, gtk::ConstraintTarget;
}

impl HomePage {
    /// `on_wish` is told what someone wants, once it can be tried.
    pub(crate) fn new(on_wish: impl Fn(Wish) + 'static) -> Self {
        let page: Self = glib::Object::new();
        page.imp().on_wish.replace(Some(Box::new(on_wish)));
        page
    }

    /// While something is being tried, nothing else can be.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        let imp = self.imp();
        imp.is_busy.set(is_busy);
        for button in [&imp.join, &imp.host] {
            button.set_sensitive(!is_busy);
        }
        imp.spinner.set_spinning(is_busy);
    }

    /// Shows what went wrong, at its field.
    pub(crate) fn show_error(&self, error: &FieldError) {
        let imp = self.imp();
        let (row, label) = match error.field {
            Field::Address => (&imp.address, &imp.join_error),
            Field::Port => (&imp.port, &imp.join_error),
            Field::HostPort => (&imp.host_port, &imp.host_error),
        };
        row.add_css_class("error");
        label.set_label(&error.sentence);
        label.set_visible(true);
        row.grab_focus();
    }

    fn clear_errors(&self) {
        let imp = self.imp();
        for row in [&imp.address, &imp.port, &imp.host_port] {
            row.remove_css_class("error");
        }
        for label in [&imp.join_error, &imp.host_error] {
            label.set_visible(false);
        }
    }

    fn wish(&self, wish: Result<Wish, FieldError>) {
        // Enter asks whether or not the buttons can be pressed.
        if self.imp().is_busy.get() {
            return;
        }
        self.clear_errors();
        match wish {
            Ok(wish) => {
                if let Some(on_wish) = &*self.imp().on_wish.borrow() {
                    on_wish(wish);
                }
            }
            Err(error) => self.show_error(&error),
        }
    }

    fn join_wish(&self) -> Result<Wish, FieldError> {
        let imp = self.imp();
        let name = imp.name.text().to_string();
        let address = imp.address.text();
        let address = address.trim();
        // An address with its port, as the host's first line gives it, needs no second field.
        let has_port = address
            .rsplit_once(':')
            .is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let port = imp.port.text();
        let server = if has_port && port.trim().is_empty() {
            address.to_owned()
        } else {
            let port = parse_port(&port, Field::Port)?;
            let host = if address.contains(':') && !address.starts_with('[') && !has_port {
                format!("[{address}]")
            } else if has_port {
                let sentence =
                    "The address has a port already: leave one of the two empty.".to_owned();
                return Err(FieldError { field: Field::Port, sentence });
            } else {
                address.to_owned()
            };
            format!("{host}:{port}")
        };
        Ok(Wish::Join { name, server })
    }

    fn host_wish(&self) -> Result<Wish, FieldError> {
        let imp = self.imp();
        let port = parse_port(&imp.host_port.text(), Field::HostPort)?;
        Ok(Wish::Host { name: imp.name.text().to_string(), port })
    }
}
